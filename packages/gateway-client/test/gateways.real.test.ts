import { Registry, loadConfig, type Snapshot } from '@rollcall/core';
import {
  type RunningEtcd,
  type RunningGateway,
  startRegistry,
  type StartOptions,
} from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gatewayAdapter } from '../src/index.ts';
import { asOperator, placeOf } from './real-gateway.ts';
import { instance, keyOf, openAdapter, soon } from './scripted-gateway.ts';

// Each start takes seconds, and on a busy machine some more.
const timeout = 180_000;
const TTL_MS = 12_000;
const SETTLE = { timeout: 30_000, interval: 100 };

async function start(options: StartOptions): Promise<RunningGateway> {
  const gateway = await startRegistry('gateway', options);
  onTestFinished(() => gateway.stop());
  return gateway;
}

async function startEtcd(): Promise<RunningEtcd> {
  const etcd = await startRegistry('etcd', { own: true });
  onTestFinished(() => etcd.stop());
  return etcd;
}

describe('of several gateways before one registry', { timeout }, () => {
  it('one is killed under use: nobody leaves the list, and all is kept by the next', async () => {
    const etcd = await startEtcd();
    const behind = { type: 'etcd', options: { endpoints: etcd.endpoints } };
    const gateways = await start({ nodes: 3, behind });
    const [first] = gateways.nodes;
    const open = async (urls: readonly string[]): Promise<Registry> => {
      const { config } = await loadConfig({
        cwd: '/',
        env: {},
        overrides: {
          registration: { ttlMs: TTL_MS, verifyIntervalMs: 1_000 },
          registry: { requestTimeoutMs: 3_000 },
          log: { level: 'silent' },
        },
      });
      const registry = new Registry({ adapter: gatewayAdapter({ urls: [...urls] }), config });
      onTestFinished(() => registry.close());
      return registry;
    };
    const owner = await open(gateways.endpoints);
    // It looks through a gateway that stays.
    const reader = await open(gateways.endpoints.slice(1));
    const ids = Array.from({ length: 20 }, (_, i) => `i${i}`).toSorted();
    const registrations = ids.map((id) => owner.register(instance('a', id)));
    const view = reader.service('a');
    const idsOf = (list: Snapshot | undefined) => list?.instances.map(({ id }) => id).toSorted();
    await expect.poll(() => idsOf(view.snapshot), SETTLE).toEqual(ids);

    const seen = new Set<number>();
    onTestFinished(view.subscribe(({ instances }) => void seen.add(instances.length)));
    const moved = new Set<string>();
    onTestFinished(
      owner.on((event) => {
        if (event.type === 'registration' && event.to === 'registered') moved.add(event.instance.id);
      }),
    );
    await first?.kill();
    const killedAt = performance.now();
    await expect.poll(() => moved.size, SETTLE).toBe(ids.length);
    // The next beat finds it out, and not the end of the TTL.
    expect(performance.now() - killedAt).toBeLessThan(TTL_MS);
    expect(registrations.every(({ state }) => state === 'registered')).toBe(true);
    // For longer than the killed gateway's own lease in etcd, which is 15 s.
    const until = performance.now() + 18_000;
    await expect.poll(() => performance.now() > until, { timeout: 20_000, interval: 500 }).toBe(true);
    expect(idsOf(view.snapshot)).toEqual(ids);
    expect([...seen]).toEqual([ids.length]);
  });

  it('each knows what another one lists, and takes it off for its client', async () => {
    const etcd = await startEtcd();
    const gateways = await start({
      nodes: 3,
      behind: { type: 'etcd', options: { endpoints: etcd.endpoints } },
    });
    const [one = '', two = ''] = gateways.endpoints;
    const first = await openAdapter({ urls: [one] });
    const second = await openAdapter({ urls: [two] });
    await first.register(instance('a', '1'), { ttlMs: 60_000, ...soon(15_000) });
    const listed = async () =>
      (await second.discover(keyOf('a'), soon(15_000))).instances.map(({ id }) => id);
    await expect.poll(listed, SETTLE).toEqual(['1']);
    await second.deregister(instance('a', '1'), soon(15_000));
    await expect.poll(listed, SETTLE).toEqual([]);
  });
});

describe('a gateway with TLS', { timeout }, () => {
  it('that wants a certificate takes who shows one, and the others learn what to check', async () => {
    const gateway = await start({ tls: 'mutual', auth: { rootPassword: 'unused' } });
    const { caFile = '', certFile = '', keyFile = '' } = gateway.tls ?? {};
    const urls = [...gateway.endpoints];
    const token = gateway.auth?.password ?? '';
    const adapter = await openAdapter({ urls, token, tls: { ca: caFile, cert: certFile, key: keyFile } });
    await adapter.register(instance('a', '1'), { ttlMs: 10_000, ...soon() });
    const { instances } = await adapter.discover(keyOf('a'), soon());
    expect(instances).toEqual([instance('a', '1')]);

    for (const [options, code, says] of [
      [{ urls, token }, 'UNAVAILABLE', /TLS failed.*tls\.ca/u],
      [{ urls, token, tls: { ca: caFile } }, 'UNAVAILABLE', /connect to the gateway/u],
      [
        { urls, tls: { ca: caFile, cert: certFile, key: keyFile }, token: `${token.slice(0, -2)}xx` },
        'UNAUTHENTICATED',
        /check token or tokenFile/u,
      ],
    ] as const) {
      const stranger = gatewayAdapter(options);
      const error: unknown = await stranger.open(soon().signal).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code, message: expect.stringMatching(says) as string });
      expect(String(error)).not.toContain(token.slice(8, 30));
      await stranger.close();
    }
  });
});

describe('an operator', { timeout }, () => {
  it('who overrides a status is obeyed over what the owner writes, until the override is deleted', async () => {
    const gateway = await start({ own: true });
    const urls = [...gateway.endpoints];
    const owner = await openAdapter({ urls });
    const operator = await openAdapter({ urls });
    const one = instance('a', '1');
    const statuses = async () =>
      (await operator.discover(keyOf('a'), soon())).instances.map(({ status, weight }) => [status, weight]);
    await owner.register(one, { ttlMs: 60_000, ...soon() });
    await operator.override(one, { status: 'OUT_OF_SERVICE' }, soon());
    await owner.register(instance('a', '1', { weight: 7 }), { ttlMs: 60_000, ...soon() });
    await expect.poll(statuses, SETTLE).toEqual([['OUT_OF_SERVICE', 7]]);
    await asOperator(gateway, 'DELETE', [...placeOf(one), 'override']);
    await expect.poll(statuses, SETTLE).toEqual([['UP', 7]]);
    await expect(operator.override(instance('a', 'nobody'), { weight: 2 }, soon())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'id',
    });
  });
});
