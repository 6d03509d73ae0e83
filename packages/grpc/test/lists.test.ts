import { status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { anotherRegistry, calling, drained, echoing, reaching, relay, stage, type Text } from './stage.ts';

const RR = { balancer: { policy: 'round-robin' } } as const;
const soon = { timeout: 10_000 };

describe('an instance', () => {
  it('that joins gets calls', async () => {
    const { list } = await stage(RR);
    await list(await echoing('a'));
    const caller = calling();
    await reaching(caller, 'a');
    await list(await echoing('b'));
    await reaching(caller, 'a', 'b');
    expect(await caller.calls(20)).toEqual({ a: 10, b: 10 });
  });

  it.each(['OUT_OF_SERVICE', 'DOWN', 'STARTING'] as const)(
    'that is %s gets none, until it is UP',
    async (gone) => {
      const { list } = await stage(RR);
      await list(await echoing('a'));
      const b = await list(await echoing('b'));
      const caller = calling();
      await reaching(caller, 'a', 'b');
      await b.update({ status: gone });
      await reaching(caller, 'a');
      expect(await caller.calls(20)).toEqual({ a: 20 });
      await b.update({ status: 'UP' });
      await reaching(caller, 'a', 'b');
    },
  );

  it('that leaves gets no more calls; the streams that it has go on to their end', async () => {
    const { list } = await stage(RR);
    const a = await echoing('a');
    const registration = await list(a);
    const caller = calling();
    const talk = caller.client.talk();
    const ended = once(talk, 'end');
    const heard: string[] = [];
    talk.on('data', ({ text }: Text) => heard.push(text));
    talk.write({ text: '1' });
    await vi.waitFor(() => expect(heard).toEqual(['a 1']), soon);
    await list(await echoing('b'));
    await reaching(caller, 'a', 'b');
    await registration.deregister();
    await reaching(caller, 'b');
    talk.write({ text: '2' });
    await vi.waitFor(() => expect(heard).toEqual(['a 1', 'a 2']), soon);
    expect(await caller.calls(20)).toEqual({ b: 20 });
    talk.end({ text: '3' });
    await ended;
    expect(heard).toEqual(['a 1', 'a 2', 'a 3']);
  });

  it('that comes back is called again, at once though it was long out of reach', async () => {
    const { list } = await stage(RR);
    const a = await echoing('a');
    await list(await echoing('b'));
    const registration = await list(a);
    // Once gRPC failed to connect, it would wait for a minute.
    const caller = calling('rollcall:///users', { 'grpc.initial_reconnect_backoff_ms': 60_000 });
    await reaching(caller, 'a', 'b');
    a.server.forceShutdown();
    await reaching(caller, 'b');
    await registration.deregister();
    await list(await echoing('a', { port: a.port }));
    await reaching(caller, 'a', 'b');
    expect(await caller.calls(20)).toEqual({ a: 10, b: 10 });
  });

  it('that dies is not picked; when it is there again, it is', async () => {
    const { list } = await stage(RR);
    const a = await echoing('a');
    await list(a);
    await list(await echoing('b'));
    const caller = calling();
    await reaching(caller, 'a', 'b');
    a.server.forceShutdown();
    await reaching(caller, 'b');
    expect(await caller.calls(20)).toEqual({ b: 20 });
    expect(caller.state()).toBe('READY');
    await echoing('a again', { port: a.port });
    await reaching(caller, 'a again', 'b');
  });

  it('whose connection breaks is connected anew without a call', async () => {
    const { list } = await stage(RR);
    const { port, open, taken, cut } = await relay((await echoing('a')).port);
    await list({ name: 'a', port });
    const caller = calling();
    await reaching(caller, 'a');
    expect(open()).toBe(1);
    cut();
    await vi.waitFor(() => expect([open(), taken(), caller.state()]).toEqual([1, 2, 'READY']), soon);
  });

  it('that changes its address is called at the new one', async () => {
    const { store, list } = await stage(RR);
    await list(await echoing('a'));
    const caller = calling();
    await reaching(caller, 'a');
    const { port } = await echoing('a elsewhere');
    const other = await anotherRegistry(store);
    await other.register({ service: 'users', id: 'a', host: '127.0.0.1', port }).listed();
    await reaching(caller, 'a elsewhere');
    expect(await caller.calls(20)).toEqual({ 'a elsewhere': 20 });
  });

  it('whose port is for something else is called at its endpoint for gRPC', async () => {
    const { list } = await stage(RR);
    const { port } = await echoing('a');
    await list({ name: 'a', port: 9 }, { scheme: 'http', endpoints: [`grpc://127.0.0.1:${port}`] });
    await expect(calling().say()).resolves.toBe('a');
  });

  it('new to a list begins slowly; those of the first list do not', async () => {
    const { list } = await stage({
      balancer: { policy: 'weighted-round-robin', slowStart: { windowMs: 600_000 } },
    });
    await list(await echoing('a'));
    await list(await echoing('b'));
    const caller = calling();
    await reaching(caller, 'a', 'b');
    expect(await caller.calls(20)).toEqual({ a: 10, b: 10 });
    await list(await echoing('c'));
    await vi.waitFor(async () => {
      const { c } = await caller.calls(42);
      expect(c).toBeGreaterThan(0);
    }, soon);
    const { c = 0 } = await caller.calls(210);
    expect(c).toBeGreaterThan(5);
    expect(c).toBeLessThan(15);
  });
});

describe('a rolling replacement', () => {
  it('fails no call', async () => {
    const { list } = await stage();
    const old = [];
    for (const name of ['a', 'b', 'c']) {
      const server = await echoing(name);
      old.push({ server, registration: await list(server) });
    }
    const { say } = calling();
    const failures: unknown[] = [];
    const counts: Record<string, number> = {};
    const stopped = new AbortController();
    const stream = async () => {
      while (!stopped.signal.aborted)
        await say().then(
          (name) => (counts[name] = (counts[name] ?? 0) + 1),
          (error: unknown) => failures.push(error),
        );
    };
    const callers = Array.from({ length: 8 }, stream);
    for (const { server, registration } of old) {
      await vi.waitFor(() => expect(server.calls()).toBeGreaterThan(100), soon);
      const next = await echoing(`new ${server.name}`);
      await list(next);
      await registration.drain();
      await registration.deregister();
      await vi.waitFor(() => expect(next.calls()).toBeGreaterThan(100), soon);
      await drained(server);
    }
    stopped.abort();
    await Promise.all(callers);
    expect(failures).toEqual([]);
    expect(Object.keys(counts).toSorted()).toEqual(['a', 'b', 'c', 'new a', 'new b', 'new c']);
  });
});

describe('when nobody is there, a call', () => {
  it('fails at once and says that nobody is listed', async () => {
    await stage();
    const { say, state } = calling();
    await expect(say()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'no instance of users of namespace default is listed',
    });
    expect(state()).toBe('TRANSIENT_FAILURE');
  });

  it('says why those that are listed take none', async () => {
    const { list } = await stage();
    await list({ name: 'a', port: 1 }, { status: 'OUT_OF_SERVICE' });
    await list({ name: 'b', port: 2 }, { status: 'STARTING' });
    await list({ name: 'c', port: 3 }, { weight: 0 });
    await expect(calling().say()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details:
        'no instance of users of namespace default takes calls: 1 OUT_OF_SERVICE, 1 STARTING, 1 UP with a weight of 0',
    });
  });

  it('says that none can be reached, and one reason', async () => {
    const { list } = await stage();
    const [a, b] = [await echoing('a'), await echoing('b')];
    for (const server of [a, b]) {
      await list(server);
      server.server.forceShutdown();
    }
    await expect(calling().say()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(
        /^none of the 2 instances of users of namespace default can be reached: 127\.0\.0\.1:\d+: .*ECONNREFUSED/u,
      ) as string,
    });
  });

  it('that waits until somebody is ready gets its answer', async () => {
    const { list } = await stage();
    const { say } = calling();
    await expect(say()).rejects.toThrow(/is listed/u);
    const answer = say({}, { waitForReady: true });
    await list(await echoing('a'));
    await expect(answer).resolves.toBe('a');
  });

  it('fails after all have gone', async () => {
    const { list } = await stage();
    const registration = await list(await echoing('a'));
    const { say } = calling();
    await say();
    await registration.deregister();
    await vi.waitFor(() => expect(say()).rejects.toThrow(/no instance of users .* is listed/u), soon);
  });

  it('whose route leads to nobody fails, others don’t', async () => {
    const { list } = await stage({
      balancer: { routes: [{ headers: { 'x-v': '2' }, to: { version: '2' }, otherwise: 'fail' }] },
    });
    await list(await echoing('a'));
    const { say } = calling();
    await expect(say()).resolves.toBe('a');
    await expect(say({ 'x-v': '2' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'no instance of users of namespace default may take this call',
    });
  });
});

describe('while the registry is down', () => {
  it('the last list stays', async () => {
    const { store, list, registry } = await stage(RR);
    await list(await echoing('a'));
    const caller = calling();
    await reaching(caller, 'a');
    store.setOutage(true);
    await vi.waitFor(() => expect(registry.service('users').status).toBe('stale'), soon);
    expect(await caller.calls(20)).toEqual({ a: 20 });
  });

  it('without a list, calls fail after its timeout or their own; one that waits is answered when it is back', async () => {
    const { store, list } = await stage(RR);
    await list(await echoing('a'));
    store.setOutage(true);
    const { say } = calling();
    await expect(say({}, { deadline: Date.now() + 100 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await expect(say()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(
        /^users of namespace default is not known yet: .*set to be out/u,
      ) as string,
    });
    const answer = say({}, { waitForReady: true });
    store.setOutage(false);
    await expect(answer).resolves.toBe('a');
    await expect(say()).resolves.toBe('a');
  });

  it('for good, because its handle is closed, channels keep their list; those without are told so', async () => {
    const { store, registry } = await stage(RR);
    const other = await anotherRegistry(store);
    const { port } = await echoing('a');
    await other.register({ service: 'users', id: 'a', host: '127.0.0.1', port }).listed();
    const [used, unused] = [calling(), calling('rollcall:///users', { 'grpc.primary_user_agent': 'unused' })];
    await reaching(used, 'a');
    await registry.close();
    expect(await used.calls(20)).toEqual({ a: 20 });
    await expect(unused.say()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/registry handle is closed/u) as string,
    });
    expect(() => calling('rollcall:///orders')).toThrow(/registry handle is closed/u);
  });
});
