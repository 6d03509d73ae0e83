import { type RunningEtcd, startRegistry } from '@rollcall-tools/registries';
import { type KitexInstance, type Peer, startKitex } from '@rollcall-tools/peers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { defaultKey, emptyAfterEach, follow, instance, openAdapter, soon, ttlMs } from './real-etcd.ts';

const { service } = defaultKey;
/** Each change goes over two processes and a server. */
const seen = { timeout: 5_000 };

let etcd: RunningEtcd;
let kitex: Peer<KitexInstance, KitexInstance>;
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
  kitex = await startKitex(etcd.endpoints[0] ?? '');
});
afterAll(async () => {
  await kitex.stop();
  await etcd.stop();
});
emptyAfterEach(() => etcd);

const open = () => openAdapter({ endpoints: [...etcd.endpoints], layout: 'kitex' });

describe('Kitex on etcd', () => {
  it('registers what Rollcall finds, follows and sees leave', async () => {
    const adapter = await open();
    const follower = follow(adapter);
    const a = { service, address: '10.0.0.9:8888', weight: 25, tags: { cluster: 'blue' } };
    const b = { service, address: 'b.internal:8888', weight: 10, tags: null };
    const foundA = instance(a.address, {
      host: '10.0.0.9',
      port: 8888,
      weight: 2.5,
      metadata: { cluster: 'blue' },
    });
    const foundB = instance(b.address, { host: 'b.internal', port: 8888 });
    await kitex.register(a);
    await vi.waitFor(() => expect([...follower.known.values()]).toEqual([foundA]), seen);
    await kitex.register(b);
    await vi.waitFor(() => expect(follower.known.get(b.address)).toEqual(foundB), seen);
    const { instances } = await adapter.discover(defaultKey, soon());
    expect(instances.toSorted((x, y) => (x.id < y.id ? -1 : 1))).toEqual([foundA, foundB]);
    await kitex.deregister(a);
    await vi.waitFor(() => expect([...follower.known.keys()]).toEqual([b.address]), seen);
    await kitex.register({ ...a, weight: 40 });
    await vi.waitFor(() => expect(follower.known.get(a.address)).toEqual({ ...foundA, weight: 4 }), seen);
    await kitex.deregister(a);
    await kitex.deregister(b);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('resolves what Rollcall registers, as long as it is registered', async () => {
    const adapter = await open();
    const plain = instance('10.0.0.7:8080');
    const full = instance('b', {
      host: '2001:db8::7',
      weight: 2.5,
      zone: 'eu-1a',
      metadata: { cluster: 'blue' },
    });
    await adapter.register(plain, { ttlMs, ...soon() });
    const resolvedPlain = { service, address: '10.0.0.7:8080', weight: 10, tags: {} };
    expect(await kitex.list(service)).toEqual([resolvedPlain]);
    await adapter.register(full, { ttlMs, ...soon() });
    const resolvedFull = {
      service,
      address: '[2001:db8::7]:8080',
      weight: 25,
      tags: { cluster: 'blue', 'rollcall.zone': 'eu-1a' },
    };
    expect(await kitex.list(service)).toEqual([resolvedPlain, resolvedFull]);
    await adapter.register({ ...plain, weight: 0.5 }, { ttlMs, ...soon() });
    expect(await kitex.list(service)).toEqual([{ ...resolvedPlain, weight: 5 }, resolvedFull]);
    await adapter.deregister(plain, soon());
    expect(await kitex.list(service)).toEqual([resolvedFull]);
    await adapter.deregister(full, soon());
    expect(await kitex.list(service)).toEqual([]);
  });
});
