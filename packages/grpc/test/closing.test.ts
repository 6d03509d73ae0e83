import { status } from '@grpc/grpc-js';
import { MemoryStore, type ServiceView } from '@rollcall/core';
import { ManualClock, settle } from '@rollcall/core/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { registerRollcall } from '../src/index.ts';
import { anotherRegistry, calling, echoing, reaching, relay, type Relay, stage } from './stage.ts';

const RR = { balancer: { policy: 'round-robin' } } as const;
const soon = { timeout: 10_000 };

/** How many follow a service now. */
function subscriptions(view: ServiceView): () => number {
  let open = 0;
  const subscribe = view.subscribe.bind(view);
  vi.spyOn(view, 'subscribe').mockImplementation((listener) => {
    const stop = subscribe(listener);
    open++;
    return () => {
      open--;
      stop();
    };
  });
  return () => open;
}

describe('a channel that is closed', () => {
  it('leaves no connection and no subscription', async () => {
    const { list, registry } = await stage(RR);
    const relays: Relay[] = [];
    for (const name of ['a', 'b', 'c']) {
      const passing = await relay((await echoing(name)).port);
      relays.push(passing);
      await list({ name, port: passing.port });
    }
    const subscribed = subscriptions(registry.service('users'));
    const open = () => relays.map((passing) => passing.open());
    const [one, other] = [calling(), calling('rollcall:///users', { 'grpc.use_local_subchannel_pool': 1 })];
    await reaching(one, 'a', 'b', 'c');
    await reaching(other, 'a', 'b', 'c');
    expect([open(), subscribed()]).toEqual([[2, 2, 2], 2]);
    one.client.close();
    await vi.waitFor(() => expect([open(), subscribed()]).toEqual([[1, 1, 1], 1]), soon);
    other.client.close();
    await vi.waitFor(() => expect([open(), subscribed()]).toEqual([[0, 0, 0], 0]), soon);
  });

  it('before its first list leaves no timer', async () => {
    const [store, clock] = [new MemoryStore(), new ManualClock()];
    store.setOutage(true);
    const registry = await anotherRegistry(store, clock);
    onTestFinished(registerRollcall(registry));
    registry.service('users');
    await settle();
    const before = clock.pending;
    const { say, client } = calling();
    const answer = say();
    await vi.waitFor(() => expect(clock.pending).toBe(before + 1), soon);
    client.close();
    await expect(answer).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await vi.waitFor(() => expect(clock.pending).toBe(before), soon);
  });
});

describe('an instance that leaves', () => {
  it('has its connection closed, and is not connected anew', async () => {
    const { list } = await stage(RR);
    const passing = await relay((await echoing('a')).port);
    const registration = await list({ name: 'a', port: passing.port });
    const caller = calling();
    await reaching(caller, 'a');
    await list(await echoing('b'));
    await registration.deregister();
    // gRPC itself keeps what nobody uses for up to 10 s.
    await vi.waitFor(() => expect(passing.open()).toBe(0), { timeout: 15_000 });
    await reaching(caller, 'b');
    expect([passing.open(), passing.taken()]).toEqual([0, 1]);
  });
});

describe('a channel that is idle', () => {
  it('follows nothing, and begins again with the next call', async () => {
    const { list, registry } = await stage(RR);
    await list(await echoing('a'));
    const subscribed = subscriptions(registry.service('users'));
    // The least that gRPC takes.
    const caller = calling('rollcall:///users', { 'grpc.client_idle_timeout_ms': 1_000 });
    await reaching(caller, 'a');
    await vi.waitFor(() => expect([caller.state(), subscribed()]).toEqual(['IDLE', 0]), soon);
    await list(await echoing('b'));
    await reaching(caller, 'a', 'b');
    expect(subscribed()).toBe(1);
  });
});

describe('unregister', () => {
  it('ends every subscription; channels keep their list, and new ones are refused', async () => {
    const { list, registry, unregister } = await stage(RR);
    const a = await echoing('a');
    const registration = await list(a);
    const subscribed = subscriptions(registry.service('users'));
    const caller = calling();
    await reaching(caller, 'a');
    unregister();
    unregister();
    expect(subscribed()).toBe(0);
    await registration.drain();
    expect(await caller.calls(10)).toEqual({ a: 10 });
    a.server.forceShutdown();
    await vi.waitFor(() => expect(caller.state()).toBe('TRANSIENT_FAILURE'), soon);
    await expect(caller.say()).rejects.toThrow('can be reached');
    await expect(caller.say()).rejects.toThrow('can be reached');
    await echoing('a again', { port: a.port });
    await reaching(caller, 'a again');
    expect(() => calling()).toThrow('the scheme rollcall is no longer registered: call registerRollcall');
  });

  it('tells those that wait for their first list, and those that begin later', async () => {
    const { store, unregister } = await stage();
    store.setOutage(true);
    const [waiting, later] = [calling(), calling('rollcall:///orders')];
    const answer = waiting.say();
    await settle();
    unregister();
    const refusal = {
      code: status.UNAVAILABLE,
      details: expect.stringContaining('no longer registered') as string,
    };
    await expect(answer).rejects.toMatchObject(refusal);
    await expect(waiting.say()).rejects.toMatchObject(refusal);
    await expect(later.say()).rejects.toMatchObject(refusal);
  });

  it('of one that was replaced leaves the other alone', async () => {
    const { registry, list, unregister } = await stage();
    await list(await echoing('a'));
    unregister();
    onTestFinished(registerRollcall(registry));
    unregister();
    await expect(calling().say()).resolves.toBe('a');
  });
});
