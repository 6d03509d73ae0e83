import type { RegistryNode, RunningConsul } from '@rollcall-tools/registries';
import { startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';
import { Operator } from './operator.ts';

const ttlMs = 60_000;
/** An agent that came up before there was a leader tries again after up to 30 s. */
const patience = { timeout: 45_000, interval: 100 };

/** Three servers: each is an agent as well. */
let consul: RunningConsul;
beforeAll(async () => {
  consul = await startRegistry('consul', { nodes: 3 });
});
afterAll(() => consul.stop());

describe('of several agents', { timeout: 150_000 }, () => {
  it('the one that took an entry keeps it; when it is gone another takes over, and no double stays', async () => {
    const leader = await consul.leader();
    const [home, other] = consul.nodes.filter((node) => node.name !== leader.name) as [
      RegistryNode,
      RegistryNode,
    ];
    const operator = new Operator(leader.endpoint);
    const nodesOf = async (name: string) => (await operator.entries(name)).map(({ Node }) => Node.Node);
    const adapter = await openAdapter({ addresses: [home.endpoint, other.endpoint] });
    const reader = await openAdapter({ addresses: [leader.endpoint] });
    const follower = follow(reader, 'moving');
    await vi.waitFor(() => expect(follower.events).toHaveLength(1), patience);
    const lease = await adapter.register(instance('moving', 'a'), { ttlMs, ...soon() });
    await vi.waitFor(async () => expect(await nodesOf('moving')).toEqual([home.name]), patience);

    await home.kill();
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const next = await adapter.register(instance('moving', 'a', { weight: 2 }), { ttlMs, ...soon() });
    expect(await nodesOf('moving')).toEqual([other.name]);
    await vi.waitFor(() => expect(follower.known.get('a')?.weight).toBe(2), patience);

    // It comes back with the entry on its disk, and puts it into the catalog again.
    await home.restart();
    await vi.waitFor(async () => {
      await next.renew?.(soon());
      const services = await new Operator(home.endpoint).call('GET', 'agent/services');
      expect(services).toEqual({});
    }, patience);
    await vi.waitFor(async () => expect(await nodesOf('moving')).toEqual([other.name]), patience);
    expect(follower.known.get('a')?.weight).toBe(2);

    await adapter.deregister(instance('moving', 'a'), soon());
    await vi.waitFor(async () => expect(await nodesOf('moving')).toEqual([]), patience);
  });

  it('the one that keeps an entry is the only one that can change it, and has to be among the addresses', async () => {
    const leader = await consul.leader();
    const [home, other] = consul.nodes.filter((node) => node.name !== leader.name) as [
      RegistryNode,
      RegistryNode,
    ];
    const owner = await openAdapter({ addresses: [home.endpoint] });
    await owner.register(instance('changed', 'a'), { ttlMs, ...soon() });
    const key = { ...keyOf('changed'), id: 'a' };
    const elsewhere = await openAdapter({ addresses: [other.endpoint] });
    const seen = async () => (await elsewhere.discover(key, soon())).instances;
    await vi.waitFor(async () => expect(await seen()).toHaveLength(1), patience);
    await expect(elsewhere.override(key, { status: 'OUT_OF_SERVICE' }, soon())).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(
        new RegExp(`agent of the node ${home.name}, .*none of \`addresses\``, 'u'),
      ) as string,
    });
    const both = await openAdapter({ addresses: [other.endpoint, home.endpoint] });
    await both.override(key, { status: 'OUT_OF_SERVICE' }, soon());
    await vi.waitFor(async () => expect((await seen())[0]?.status).toBe('OUT_OF_SERVICE'), patience);
    // Who reads passing entries only doesn’t see it.
    const operator = new Operator(leader.endpoint);
    expect(await operator.call('GET', 'health/service/changed?passing')).toEqual([]);
    await both.override(key, { status: 'UP' }, soon());
    await vi.waitFor(async () => expect((await seen())[0]?.status).toBe('UP'), patience);
  });

  it('one that is dead when its entry is deregistered leaves nothing in the catalog', async () => {
    const leader = await consul.leader();
    const [home, other] = consul.nodes.filter((node) => node.name !== leader.name) as [
      RegistryNode,
      RegistryNode,
    ];
    const adapter = await openAdapter({ addresses: [home.endpoint, other.endpoint] });
    await adapter.register(instance('leaving', 'a'), { ttlMs, ...soon() });
    await home.kill();
    await adapter.deregister(instance('leaving', 'a'), soon());
    expect(await new Operator(leader.endpoint).entries('leaving')).toEqual([]);
    await home.restart();
  });

  it('calls go on when the leader is killed, and nobody is told an empty list', async () => {
    const leader = await consul.leader();
    const [home, other] = consul.nodes.filter((node) => node.name !== leader.name) as [
      RegistryNode,
      RegistryNode,
    ];
    const adapter = await openAdapter({ addresses: [leader.endpoint, other.endpoint] });
    // At a follower, which forgets nothing while the leader is gone.
    const writer = await openAdapter({ addresses: [home.endpoint] });
    const lease = await writer.register(instance('led', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'led');
    await vi.waitFor(() => expect(follower.known.size).toBe(1), patience);
    await leader.kill();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    const seen: number[] = [];
    await vi.waitFor(async () => {
      // Until there is another leader: an error, and never an empty list.
      seen.push((await adapter.discover(keyOf('led'), soon(2_000))).instances.length);
    }, patience);
    expect(seen).toEqual([1]);
    expect(follower.known.size).toBe(1);
    await lease.renew?.(soon());
    const next = follow(adapter, 'led');
    await vi.waitFor(() => expect(next.known.size).toBe(1), patience);
    await writer.register(instance('led', 'b'), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(next.known.size).toBe(2), patience);
  });
});
