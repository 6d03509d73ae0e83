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

const open = () => openAdapter({ hosts: [...zookeeper.endpoints], layout: 'spring' });

describe('Dubbo on ZooKeeper', () => {
  it('registers applications that Rollcall finds, follows and sees leave', async () => {
    const adapter = await open();
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
  });

  it('can’t list an application while Rollcall has an entry in it', async () => {
    const adapter = await open();
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
