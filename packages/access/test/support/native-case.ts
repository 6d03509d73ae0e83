import { defineInstance, type RegistryAdapter, type ServiceInstance } from '@rollcall/core';
import { expect } from 'vitest';
import { checkDocument } from '@rollcall/core';
import { policySchema, type RenderOptions } from '../../src/index.ts';

export const soon = (ms = 10_000): { readonly signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

/** A policy of all that registries may be told: homes, crossings, exact services, names that need encoding. */
export const POLICY = checkDocument(
  {
    namespaces: { payments: { mode: 'strict' }, shared: { mode: 'open' } },
    allow: [
      { from: 'orders', to: 'billing/ledger' },
      { from: 'orders', to: 'catalog', metadata: { exposed: 'true' } },
    ],
    roles: {
      service: [
        { verbs: ['register', 'list', 'watch'], namespaces: ['{namespace}'] },
        { verbs: ['list', 'watch'], namespaces: ['*'] },
      ],
      viewer: [{ verbs: ['list', 'watch'], namespaces: ['orders', 'payments'] }],
    },
    subjects: [{ subject: 'alice', roles: ['viewer'] }],
    keys: [
      {
        id: 'cart',
        hash: `sha256:${'0'.repeat(64)}`,
        subject: 'cart',
        roles: ['service'],
        namespace: 'orders',
        service: 'cart',
      },
    ],
  },
  { schema: policySchema, what: 'policy' },
);

/** What there is, for registries that can't be told of all services of a namespace. */
export const OPTIONS: RenderOptions = {
  accounts: [{ subject: 'team', roles: ['service'], home: { namespace: 'Team A/x' } }],
  known: ['orders/cart', 'payments/bank', 'shared/mail', 'Team A%2Fx/job%201'],
};

export const ACCOUNTS = ['cart', 'alice', 'team'] as const;
export type AccountName = (typeof ACCOUNTS)[number];

export function instance(namespace: string, service: string, id = 'one'): ServiceInstance {
  return defineInstance({ namespace, service, id, host: '10.0.0.7', port: 8080 });
}

const REFUSED = { code: 'PERMISSION_DENIED' };

interface Held {
  readonly adapterOf: (account: AccountName) => RegistryAdapter;
  /** Somebody who may do everything. */
  readonly root: RegistryAdapter;
}

/** Does what the policy permits, which must work, and what it doesn't, which must be refused. */
export async function expectToHold({ adapterOf, root }: Held): Promise<void> {
  const ttlMs = 20_000;
  for (const [namespace, service] of [
    ['payments', 'bank'],
    ['billing', 'ledger'],
    ['billing', 'invoices'],
    ['shared', 'mail'],
    ['catalog', 'cart'],
  ] as const)
    await root.register(instance(namespace, service), { ttlMs, ...soon() });
  const reads = async (account: AccountName, namespace: string, service: string) =>
    (await adapterOf(account).discover({ namespace, service }, soon())).instances.map(({ id }) => id);
  const writes = async (account: AccountName, namespace: string, service: string) => {
    await adapterOf(account).register(instance(namespace, service, `of-${account}`), { ttlMs, ...soon() });
  };

  // At home it registers, sees itself, and leaves.
  await writes('cart', 'orders', 'cart');
  await expect.poll(() => reads('cart', 'orders', 'cart'), { timeout: 10_000 }).toEqual(['of-cart']);
  await writes('team', 'Team A/x', 'job 1');
  await expect.poll(() => reads('team', 'Team A/x', 'job 1'), { timeout: 10_000 }).toEqual(['of-team']);

  // Where the policy lets it cross, it reads and doesn't write.
  expect(await reads('cart', 'billing', 'ledger')).toEqual(['one']);
  expect(await reads('cart', 'shared', 'mail')).toEqual(['one']);
  await expect(writes('cart', 'billing', 'ledger')).rejects.toMatchObject(REFUSED);
  await expect(writes('cart', 'shared', 'mail')).rejects.toMatchObject(REFUSED);

  // Other namespaces are closed, also those that a role without a home would open.
  for (const [namespace, service] of [
    ['payments', 'bank'],
    ['billing', 'invoices'],
    ['catalog', 'cart'],
    ['Team A/x', 'job 1'],
  ] as const) {
    await expect(reads('cart', namespace, service), `${namespace}/${service}`).rejects.toMatchObject(REFUSED);
    await expect(writes('cart', namespace, service), `${namespace}/${service}`).rejects.toMatchObject(
      REFUSED,
    );
  }
  await expect(reads('team', 'orders', 'cart')).rejects.toMatchObject(REFUSED);
  // Nacos' entries belong to their connections: another's are not there for this one.
  const removal: unknown = await adapterOf('cart')
    .deregister(instance('payments', 'bank'), soon())
    .catch((error: unknown) => error);
  if (removal !== undefined) expect(removal).toMatchObject(REFUSED);
  const left = await root.discover({ namespace: 'payments', service: 'bank' }, soon());
  expect(left.instances).toHaveLength(1);

  // A user without a home reads what the role says, and writes nothing.
  expect(await reads('alice', 'payments', 'bank')).toEqual(['one']);
  expect(await reads('alice', 'orders', 'cart')).toEqual(['of-cart']);
  await expect(reads('alice', 'shared', 'mail')).rejects.toMatchObject(REFUSED);
  await expect(writes('alice', 'orders', 'cart')).rejects.toMatchObject(REFUSED);

  await adapterOf('cart').deregister(instance('orders', 'cart', 'of-cart'), soon());
  await expect.poll(() => reads('cart', 'orders', 'cart'), { timeout: 10_000 }).toEqual([]);
}
