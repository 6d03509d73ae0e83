import { type RunningEtcd, startRegistry, startTcpProxy } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { etcdAdapter } from '../src/index.ts';
import {
  defaultKey,
  emptyAfterEach,
  follow,
  instance,
  leasesOf,
  openAdapter,
  portOf,
  soon,
  ttlMs,
} from './real-etcd.ts';

let etcd: RunningEtcd;
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
});
// The test runner fails on any unhandled rejection.
afterAll(() => etcd.stop());
emptyAfterEach(() => etcd);

async function behindProxy() {
  const proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: portOf(etcd.endpoints[0] ?? '') });
  onTestFinished(() => proxy.stop());
  return { proxy, adapter: await openAdapter({ endpoints: [`http://127.0.0.1:${proxy.port}`] }) };
}

describe('while etcd can’t be reached', { timeout: 60_000 }, () => {
  it('every call is an error and none an empty list, open too', async () => {
    const down = etcdAdapter({ endpoints: ['http://127.0.0.1:1'] });
    onTestFinished(() => down.close());
    await expect(down.open(soon().signal)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('http://127.0.0.1:1') as string,
    });
    const { proxy, adapter } = await behindProxy();
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    await proxy.cut();
    for (const call of [
      () => adapter.register(instance('a'), { ttlMs, ...soon() }),
      () => adapter.deregister(instance('a'), soon()),
      () => adapter.discover(defaultKey, soon()),
      () => adapter.listServices('default', soon()),
      () => adapter.watch(defaultKey, soon())[Symbol.asyncIterator]().next(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    await proxy.restore();
    await vi.waitFor(
      async () => expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1),
      {
        timeout: 10_000,
      },
    );
  });

  it('a watch whose connection is cut ends, and the next one starts with what changed meanwhile', async () => {
    const { proxy, adapter } = await behindProxy();
    const direct = await openAdapter({ endpoints: [...etcd.endpoints] });
    await direct.register(instance('a'), { ttlMs, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await proxy.cut();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    await direct.deregister(instance('a'), soon());
    await direct.register(instance('b'), { ttlMs, ...soon() });
    const { revision = '' } = await direct.discover(defaultKey, soon());
    await etcd.etcdctl(['compact', revision]);
    await proxy.restore();
    await vi.waitFor(() => adapter.discover(defaultKey, soon()), { timeout: 10_000 });
    const next = follow(adapter);
    await vi.waitFor(() => expect([...next.known.keys()]).toEqual(['b']));
  });

  it('calls into a black hole end with their signal, and a watch by itself', async () => {
    const { proxy, adapter } = await behindProxy();
    const lease = await adapter.register(instance('a'), { ttlMs: 60_000, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    proxy.blackhole();
    const since = performance.now();
    for (const call of [
      () => adapter.register(instance('b'), { ttlMs, ...soon(300) }),
      () => adapter.register(instance('c'), { ttlMs: 30_000, ...soon(300) }),
      () => adapter.deregister(instance('a'), soon(300)),
      () => adapter.discover(defaultKey, soon(300)),
      () => lease.renew?.(soon(300)),
    ]) {
      const called = performance.now();
      await expect(call()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(performance.now() - called).toBeLessThan(1_000);
    }
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    // 10 s to the ping, 5 s for its answer.
    expect(performance.now() - since).toBeLessThan(17_000);
    await proxy.restore();
    await vi.waitFor(() => adapter.discover(defaultKey, soon()), { timeout: 15_000 });
  });

  it('a lease that nobody waits for any more is revoked', async () => {
    const { proxy, adapter } = await behindProxy();
    await adapter.discover(defaultKey, soon());
    proxy.addLatency(200);
    const aborted = adapter.register(instance('a'), { ttlMs: 60_000, ...soon(100) });
    await expect(aborted).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    // The request for it arrives while nobody waits; the one that revokes it arrives later.
    await vi.waitFor(async () => expect(await leasesOf(etcd)).toHaveLength(1), { interval: 1 });
    await vi.waitFor(async () => expect(await leasesOf(etcd)).toEqual([]), { timeout: 3_000 });
  });

  it('close doesn’t wait for it', async () => {
    const { proxy, adapter } = await behindProxy();
    proxy.blackhole();
    const call = adapter.discover(defaultKey, soon());
    const follower = follow(adapter);
    const since = performance.now();
    await adapter.close();
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await follower.ended).toMatchObject({ code: 'CLOSED' });
    expect(performance.now() - since).toBeLessThan(500);
    await proxy.stop();
  });
});

describe('close', () => {
  it('ends every connection', async () => {
    const { proxy, adapter } = await behindProxy();
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    expect(proxy.connections).toBe(1);
    await adapter.close();
    await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 1_000 });
  });
});

describe('a server that is killed and started again', { timeout: 60_000 }, () => {
  it('with its data: the watch ends, and lease and entries are there still', async () => {
    const adapter = await openAdapter({ endpoints: [...etcd.endpoints] });
    const lease = await adapter.register(instance('a'), { ttlMs: 30_000, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await etcd.restart();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    await vi.waitFor(() => lease.renew?.(soon()), { timeout: 10_000 });
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
  });

  it('empty: the lease is lost, and the next registration gets another', async () => {
    const adapter = await openAdapter({ endpoints: [...etcd.endpoints] });
    const lease = await adapter.register(instance('a'), { ttlMs: 30_000, ...soon() });
    await etcd.restart({ wipe: true });
    await vi.waitFor(() => expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' }), {
      timeout: 10_000,
    });
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
  });
});

describe('of several endpoints', { timeout: 60_000 }, () => {
  it('those that work are used: calls go on when a member dies, and a watch can start anew', async () => {
    const cluster = await startRegistry('etcd', { nodes: 3 });
    onTestFinished(() => cluster.stop());
    const adapter = await openAdapter({ endpoints: ['http://127.0.0.1:1', ...cluster.endpoints] });
    const lease = await adapter.register(instance('a'), { ttlMs: 30_000, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await (await cluster.leader()).kill();
    await vi.waitFor(() => lease.renew?.(soon()), { timeout: 15_000 });
    await vi.waitFor(() => adapter.register(instance('b'), { ttlMs: 30_000, ...soon() }), {
      timeout: 15_000,
    });
    const next = follow(adapter);
    await vi.waitFor(() => expect([...next.known.keys()].toSorted()).toEqual(['a', 'b']), {
      timeout: 15_000,
    });
  });
});
