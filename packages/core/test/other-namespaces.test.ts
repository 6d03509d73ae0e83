import { describe, expect, it } from 'vitest';
import { defineInstance, type MemoryStore, type NamespaceRules } from '@rollcall/core';
import { rig } from './support/rig.ts';

function list(
  store: MemoryStore,
  service: string,
  port: number,
  metadata: Record<string, string> = {},
): void {
  const instance = defineInstance({ namespace: 'payments', service, host: '10.0.0.7', port, metadata });
  store.put(instance, store.grantLease(Number.MAX_SAFE_INTEGER));
}

function rigWith(access: NamespaceRules) {
  return rig({ config: { access: structuredClone(access) as never, registry: { namespace: 'orders' } } });
}

describe('a service of another namespace', () => {
  it('can’t be looked up, and the error has the rule that would let it', () => {
    const { registry } = rigWith({});
    expect(() => registry.service('ledger', 'payments')).toThrow(
      expect.objectContaining({
        code: 'PERMISSION_DENIED',
        field: 'namespace',
        message: expect.stringContaining('{ from: orders, to: payments/ledger }'),
      }),
    );
  });

  it('can be looked up where a rule says so, and no other', async () => {
    const { registry, store, clock } = rigWith({ allow: [{ from: 'orders', to: 'payments/ledger' }] });
    list(store, 'ledger', 1);
    const view = registry.service('ledger', 'payments');
    await clock.advance(1);
    expect(view.snapshot?.instances.map(({ port }) => port)).toEqual([1]);
    expect(() => registry.service('fraud', 'payments')).toThrow(
      expect.objectContaining({ code: 'PERMISSION_DENIED' }),
    );
  });

  it('shows the instances that a rule’s metadata let through; one that changes comes and goes', async () => {
    const { registry, store, clock } = rigWith({
      allow: [{ from: 'orders', to: 'payments', metadata: { exposed: 'true' } }],
    });
    list(store, 'ledger', 1, { exposed: 'true' });
    list(store, 'ledger', 2);
    const view = registry.service('ledger', 'payments');
    const seen = async () => {
      await clock.advance(1);
      return view.snapshot?.instances.map(({ port }) => port);
    };
    expect(await seen()).toEqual([1]);
    list(store, 'ledger', 2, { exposed: 'true' });
    expect(await seen()).toEqual([1, 2]);
    list(store, 'ledger', 1);
    expect(await seen()).toEqual([2]);
    // A second look compares what is shown, not what is listed: it finds nothing to mend.
    const { version } = view.snapshot ?? {};
    await clock.advance(4 * 60_000);
    expect(view.snapshot?.version).toBe(version);
  });

  it('goes by the service that this process is, where a rule names one', () => {
    const access = { allow: [{ from: 'orders/checkout', to: 'payments' }] };
    const { registry } = rig({
      config: {
        access,
        registry: { namespace: 'orders' },
        service: { name: 'checkout', host: '10.0.0.8', port: 1, ready: 'manual' },
      },
    });
    expect(registry.service('ledger', 'payments').key.service).toBe('ledger');
    expect(() => rigWith(access).registry.service('ledger', 'payments')).toThrow(
      expect.objectContaining({ code: 'PERMISSION_DENIED' }),
    );
  });

  it('is named among the services only where it may be looked up', async () => {
    const { registry, store } = rigWith({ allow: [{ from: 'orders', to: 'payments/ledger' }] });
    list(store, 'ledger', 1);
    list(store, 'fraud', 2);
    expect(await registry.services({ namespace: 'payments' })).toEqual(['ledger']);
    await expect(registry.services({ namespace: 'shipping' })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('{ from: orders, to: shipping }'),
    });
  });
});
