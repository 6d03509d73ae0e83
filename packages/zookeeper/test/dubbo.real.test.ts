import { type RunningZooKeeper, startRegistry } from '@rollcall-tools/registries';
import { type DubboApplication, type DubboView, type Peer, startDubbo } from '@rollcall-tools/peers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';

const ttlMs = 10_000;
/** Each change goes over two processes and a server. */
const seen = { timeout: 5_000 };

let zookeeper: RunningZooKeeper;
let dubbo: Peer<DubboApplication, DubboView>;
beforeAll(async () => {
  zookeeper = await startRegistry('zookeeper', { own: true });
  dubbo = await startDubbo(zookeeper.endpoints[0] ?? '');
});
afterAll(async () => {
  await dubbo.stop();
  await zookeeper.stop();
});

const open = (layout: 'spring' | 'dubbo') => openAdapter({ hosts: [...zookeeper.endpoints], layout });

describe('Dubbo on ZooKeeper', () => {
  it.each(['spring', 'dubbo'] as const)(
    'registers applications that `%s` finds, follows and sees leave',
    async (layout) => {
      const adapter = await open(layout);
      const follower = follow(adapter, 'orders');
      const id = '10.0.0.9:20880';
      const given = {
        key: 'a',
        application: 'orders',
        host: '10.0.0.9',
        ports: { dubbo: 20_880, tri: 50_051 },
      };
      await dubbo.register(given);
      await vi.waitFor(() => expect(follower.known.has(id)).toBe(true), seen);
      const found = follower.known.get(id);
      const [view] = await dubbo.list('orders');
      expect(view).toMatchObject({ application: 'orders', host: '10.0.0.9', port: 20_880 });
      expect(found).toEqual(
        instance('orders', id, { host: '10.0.0.9', port: 20_880, metadata: view?.metadata ?? {} }),
      );
      expect(JSON.parse(found?.metadata?.['dubbo.endpoints'] ?? '')).toEqual([
        { port: 20_880, protocol: 'dubbo' },
        { port: 50_051, protocol: 'tri' },
      ]);
      expect(await adapter.discover(keyOf('orders'), soon())).toMatchObject({
        instances: [found],
        skipped: [],
      });

      const revision = () => follower.known.get(id)?.metadata?.['dubbo.metadata.revision'];
      const first = revision();
      await dubbo.update({ key: 'a', group: 'blue' });
      await vi.waitFor(() => expect(revision()).not.toBe(first), seen);
      expect((await dubbo.list('orders'))[0]?.metadata['dubbo.metadata.revision']).toBe(revision());

      await dubbo.deregister(given);
      await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
    },
  );

  it('lists what Rollcall writes in its layout beside its own, follows it and sees it leave', async () => {
    const adapter = await open('dubbo');
    const own = { key: 'c', application: 'carts', host: '10.0.0.9', ports: { dubbo: 20_880 } };
    await dubbo.register(own);
    const told = await dubbo.watch('carts');
    const metadata = { 'dubbo.endpoints': '[{"port":50051,"protocol":"tri"}]', team: 'carts' };
    const given = instance('carts', '10.0.0.7:50051', { port: 50_051, scheme: 'grpc', zone: 'a', metadata });
    await adapter.register(given, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toHaveLength(2), seen);
    const shown = (await dubbo.list('carts')).find(({ host }) => host === given.host);
    expect(shown).toMatchObject({ application: 'carts', host: '10.0.0.7', port: 50_051 });
    expect(shown?.metadata).toMatchObject({ ...metadata, zone: 'a' });
    expect((await adapter.discover(keyOf('carts'), soon())).instances).toContainEqual(given);

    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toHaveLength(1), seen);
    await dubbo.deregister(own);
  });

  it('can’t list an application while an entry of Spring’s class is in it', async () => {
    const adapter = await open('spring');
    await dubbo.register({ key: 'b', application: 'bills', host: '10.0.0.9', ports: { dubbo: 20_880 } });
    expect(await dubbo.list('bills')).toHaveLength(1);
    const given = instance('bills', 'from-rollcall');
    await adapter.register(given, { ttlMs, ...soon() });
    await expect(dubbo.list('bills')).rejects.toThrow('zookeeper.discovery.ZookeeperInstance');
    // Rollcall reads both.
    const { instances } = await adapter.discover(keyOf('bills'), soon());
    expect(instances.map(({ id }) => id).toSorted()).toEqual(['10.0.0.9:20880', 'from-rollcall']);
    await adapter.deregister(given, soon());
    expect(await dubbo.list('bills')).toHaveLength(1);
  });
});
