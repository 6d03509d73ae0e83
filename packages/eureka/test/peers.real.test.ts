import { type RunningEureka, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { follow, instance, keyOf, LAYOUTS, openAdapter, soon } from './adapter-under-test.ts';
import { Operator } from './real-eureka.ts';

let eureka: RunningEureka;
beforeAll(async () => {
  eureka = await startRegistry('eureka', { nodes: 3 });
});
afterAll(() => eureka.stop());

describe('three servers', { timeout: 60_000 }, () => {
  it('go on when the one in use is killed: beats, lists and watches, and nobody is told of an empty list', async () => {
    const servers = [...eureka.endpoints];
    const [writer, reader] = [await openAdapter({ servers }), await openAdapter({ servers })];
    const key = { ...keyOf('users'), id: 'a' };
    const place = { app: LAYOUTS.rollcall.app(key), instanceId: LAYOUTS.rollcall.instanceId(key) };
    const lease = await writer.register(instance('users', 'a'), { ttlMs: 30_000, ...soon() });
    for (const server of servers)
      await expect
        .poll(() => new Operator(server).read(place), { timeout: 10_000 })
        .toMatchObject({ status: 'UP' });
    const follower = follow(reader, 'users');
    await expect.poll(() => follower.known.size, { timeout: 5_000 }).toBe(1);
    await eureka.nodes[0]?.kill();
    await lease.renew?.(soon());
    expect((await reader.discover(keyOf('users'), soon())).instances).toHaveLength(1);
    await writer.register(instance('users', 'b'), { ttlMs: 30_000, ...soon() });
    await expect.poll(() => [...follower.known.keys()].toSorted(), { timeout: 10_000 }).toEqual(['a', 'b']);
    for (const event of follower.events) {
      if (event.kind === 'list') expect(event.instances).not.toEqual([]);
      else expect(event.removed).toEqual([]);
    }
    // An operator’s word to one is heard at the other, and our registration there leaves it.
    const [, second = '', third = ''] = servers;
    await new Operator(third).setStatus(place, 'OUT_OF_SERVICE');
    await expect
      .poll(() => new Operator(second).read(place), { timeout: 10_000 })
      .toMatchObject({ status: 'OUT_OF_SERVICE' });
    await writer.register(instance('users', 'a', { weight: 3 }), { ttlMs: 30_000, ...soon() });
    await expect
      .poll(() => follower.known.get('a'), { timeout: 10_000 })
      .toMatchObject({ status: 'OUT_OF_SERVICE', weight: 3 });
  });
});
