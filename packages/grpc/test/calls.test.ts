import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { BalancerOptions } from '@rollcall/balancer';
import type { ServiceKey } from '@rollcall/core';
import { describe, expect, it, vi } from 'vitest';
import { calling, echoing, reaching, relay, stage, type Text } from './stage.ts';

const RR = { policy: 'round-robin' } as const;
const soon = { timeout: 10_000 };

/** Three servers that are listed, and a client that has a connection to each. */
async function three(options: Parameters<typeof stage>[0] = { balancer: RR }, channel = {}) {
  const { list } = await stage(options);
  const servers = await Promise.all(['a', 'b', 'c'].map((name) => echoing(name)));
  for (const server of servers) await list(server);
  const caller = calling('rollcall:///users', channel);
  return { servers, ...caller };
}

describe('calls', () => {
  it('are spread as the policy says', async () => {
    const { say, calls, state } = await three();
    expect(state()).toBe('IDLE');
    await reaching({ say }, 'a', 'b', 'c');
    expect(await calls(30)).toEqual({ a: 10, b: 10, c: 10 });
    expect(state()).toBe('READY');
  });

  it('follow weights, and a change of them at once', async () => {
    const { list } = await stage({ balancer: { policy: 'weighted-round-robin' } });
    const [a, b] = [await echoing('a'), await echoing('b')];
    const first = await list(a, { weight: 3 });
    await list(b, { weight: 1 });
    const { say, calls } = calling();
    await reaching({ say }, 'a', 'b');
    expect(await calls(40)).toEqual({ a: 30, b: 10 });
    await first.update({ weight: 0 });
    await vi.waitFor(async () => expect(await calls(4)).toEqual({ b: 4 }), soon);
  });

  it('of every kind get through', async () => {
    const { client } = await three();
    const collected = await new Promise<Text | undefined>((resolve, reject) => {
      const stream = client.collect((error, answer) => (error ? reject(error) : resolve(answer)));
      stream.write({ text: 'one' });
      stream.write({ text: 'two' });
      stream.end();
    });
    expect(collected?.text).toMatch(/^[abc]: one two$/u);
    const counted: string[] = [];
    for await (const { text } of client.count({ text: '3' }) as AsyncIterable<Text>) counted.push(text);
    expect(counted.map((text) => text.slice(2))).toEqual(['1', '2', '3']);
    const talk = client.talk();
    talk.write({ text: 'hello' });
    talk.write({ text: 'there' });
    talk.end();
    const heard: string[] = [];
    for await (const { text } of talk as AsyncIterable<Text>) heard.push(text);
    expect(heard.map((text) => text.slice(2))).toEqual(['hello', 'there']);
  });

  it('with the same key go to the same instance', async () => {
    const { say, calls } = await three({ balancer: { policy: 'consistent-hash' } });
    await vi.waitFor(async () => {
      const names = new Set<string>();
      for (let i = 0; i < 30; i++) names.add(await say({ 'x-rollcall-key': `user ${i}` }));
      expect(names.size).toBe(3);
    }, soon);
    expect(Object.values(await calls(20, { 'x-rollcall-key': 'user 7' }))).toEqual([20]);
  });

  it('have the key that keyOf finds; one that throws ends the call, and nothing else', async () => {
    const keyOf = (metadata: Metadata) => {
      const [user] = metadata.get('x-user');
      if (user === 'nobody') throw new Error('who is that?');
      return user as string | undefined;
    };
    const { say, calls } = await three({ balancer: { policy: 'sticky' }, keyOf });
    await reaching({ say }, 'a', 'b', 'c');
    expect(Object.values(await calls(20, { 'x-user': 'ann' }))).toEqual([20]);
    await expect(say({ 'x-user': 'nobody' })).rejects.toMatchObject({
      code: status.INTERNAL,
      details: 'users of namespace default: who is that?',
    });
    await expect(say({ 'x-user': 'ann' })).resolves.toMatch(/^[abc]$/u);
  });

  it('are led by their metadata', async () => {
    const { list } = await stage({
      balancer: { ...RR, routes: [{ headers: { 'x-preview': 'yes' }, to: { version: '2' } }] },
    });
    await list(await echoing('old'), { version: '1' });
    await list(await echoing('new'), { version: '2' });
    const { say, calls } = calling();
    await vi.waitFor(async () => expect(await say({ 'x-preview': 'yes' })).toBe('new'), soon);
    await vi.waitFor(async () => expect(await say()).toBe('old'), soon);
    expect(await calls(10, { 'x-preview': 'yes' })).toEqual({ new: 10 });
    expect(await calls(10, { 'x-preview': 'no' })).toEqual({ old: 10 });
  });

  it('may be balanced by service', async () => {
    const asked: ServiceKey[] = [];
    const balancer = (key: ServiceKey): BalancerOptions => {
      asked.push(key);
      return key.service === 'users' ? RR : { statuses: ['STARTING'] };
    };
    const { list } = await stage({ balancer });
    const a = await echoing('a');
    await list(a);
    await list(a, { service: 'orders', status: 'STARTING' });
    await expect(calling().say()).resolves.toBe('a');
    await expect(calling('rollcall:///orders').say()).resolves.toBe('a');
    expect(asked).toEqual([
      { namespace: 'default', service: 'users' },
      { namespace: 'default', service: 'orders' },
    ]);
  });
});

describe('a call whose connection is lost while it waits for its credentials', () => {
  it('goes to another instance, and is not counted against the first', async () => {
    const { list } = await stage({ balancer: { policy: 'least-active' } });
    const a = await echoing('a');
    await list(a);
    const caller = calling();
    await reaching(caller, 'a');
    const asked: (() => void)[] = [];
    const slowly = credentials.createFromMetadataGenerator((_params, done) => {
      asked.push(() => done(null, new Metadata()));
    });
    const answer = caller.say({}, { credentials: slowly });
    await vi.waitFor(() => expect(asked).toHaveLength(1), soon);
    await list(await echoing('b'));
    await reaching(caller, 'b');
    a.server.forceShutdown();
    await reaching(caller, 'b');
    asked[0]?.();
    await vi.waitFor(() => expect(asked).toHaveLength(2), soon);
    asked[1]?.();
    await expect(answer).resolves.toBe('b');
    await echoing('a again', { port: a.port });
    await reaching(caller, 'a again', 'b');
  });
});

describe('a service config of the channel', () => {
  const methodConfig = (rest: object) => ({
    methodConfig: [{ name: [{ service: 'rollcall.test.Echo' }], ...rest }],
  });
  const written = (config: object) => ({ 'grpc.service_config': JSON.stringify(config) });
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: '0.01s',
    maxBackoff: '0.1s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  };

  it('has its retries: each goes to an instance that the call has not had, whatever the policy', async () => {
    const { list } = await stage({ balancer: { policy: 'consistent-hash', ejection: false } });
    const failures: string[] = [];
    for (const name of ['a', 'b']) {
      const failing = await echoing(name, {
        say: (_call, reply) => {
          failures.push(name);
          reply({ code: status.UNAVAILABLE, details: 'not now' });
        },
      });
      await list(failing);
    }
    await list(await echoing('c'));
    const { say } = calling('rollcall:///users', written(methodConfig({ retryPolicy })));
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => say({ 'x-rollcall-key': `user ${i}` }, { waitForReady: true })),
    );
    expect(answers).toEqual(Array.from({ length: 60 }, () => 'c'));
    expect(new Set(failures)).toEqual(new Set(['a', 'b']));
  });

  it('has its hedges: the second is sent to another instance', async () => {
    const { list } = await stage({ balancer: { policy: 'consistent-hash' } });
    const silent = await echoing('silent', { say: () => {} });
    await list(silent);
    await list(await echoing('b'));
    const hedgingPolicy = { maxAttempts: 2, hedgingDelay: '0.02s' };
    const { say } = calling('rollcall:///users', written(methodConfig({ hedgingPolicy })));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => say({ 'x-rollcall-key': `user ${i}` }, { waitForReady: true })),
    );
    expect(new Set(answers)).toEqual(new Set(['b']));
    expect(silent.calls()).toBeGreaterThan(0);
  });

  it('without retries shows the failure', async () => {
    const { list } = await stage();
    await list(
      await echoing('a', { say: (_call, reply) => reply({ code: status.UNAVAILABLE, details: 'not now' }) }),
    );
    await expect(calling().say()).rejects.toThrow('not now');
  });

  it('has its timeouts, to the fraction', async () => {
    const { list } = await stage();
    await list(await echoing('silent', { say: () => {} }));
    const { say } = calling('rollcall:///users', written(methodConfig({ timeout: '0.3s' })));
    const from = performance.now();
    const error = (await say().catch((thrown: unknown) => thrown)) as ServiceError;
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(performance.now() - from).toBeGreaterThan(250);
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  it('may choose options of the policy, which go before those of the registration', async () => {
    const { say, calls } = await three(
      { balancer: { policy: 'random' } },
      written({ loadBalancingConfig: [{ rollcall: { policy: 'round-robin' } }] }),
    );
    await reaching({ say }, 'a', 'b', 'c');
    expect(await calls(30)).toEqual({ a: 10, b: 10, c: 10 });
  });

  it('may choose another policy, which gets the addresses', async () => {
    const { say, calls } = await three(
      { balancer: { policy: 'random' } },
      written({ loadBalancingConfig: [{ round_robin: {} }] }),
    );
    await reaching({ say }, 'a', 'b', 'c');
    expect(await calls(30)).toEqual({ a: 10, b: 10, c: 10 });
  });
});

describe('an instance that fails', () => {
  it.each([
    ['UNAVAILABLE', true],
    ['INTERNAL', true],
    ['UNKNOWN', true],
    ['DATA_LOSS', true],
    ['DEADLINE_EXCEEDED', true],
    ['NOT_FOUND', false],
    ['UNIMPLEMENTED', false],
    ['RESOURCE_EXHAUSTED', false],
    ['CANCELLED', false],
    ['PERMISSION_DENIED', false],
  ] as const)('with %s is ejected: %s', async (name, isEjected) => {
    const { list } = await stage({ balancer: { ...RR, ejection: { consecutiveFailures: 3 } } });
    const bad = await echoing('bad', { say: (_call, reply) => reply({ code: status[name], details: name }) });
    const good = await echoing('good');
    await list(bad);
    await list(good);
    const { say } = calling();
    for (let i = 0; i < 40; i++) await say().catch(() => {});
    await vi.waitFor(() => expect([bad.calls() > 2, good.calls() > 5]).toEqual([true, true]));
    const before = bad.calls();
    for (let i = 0; i < 10; i++) await say().catch(() => {});
    expect(bad.calls() - before).toBe(isEjected ? 0 : 5);
  });

  it('is judged by outcomeOf where that is given', async () => {
    const { list } = await stage({
      balancer: { ...RR, ejection: { consecutiveFailures: 3 } },
      outcomeOf: (code) => (code === status.NOT_FOUND ? 'failure' : 'success'),
    });
    const bad = await echoing('bad', {
      say: (_call, reply) => reply({ code: status.NOT_FOUND, details: '' }),
    });
    await list(bad);
    await list(await echoing('good'));
    const { say, calls } = calling();
    for (let i = 0; i < 40; i++) await say().catch(() => {});
    expect(bad.calls()).toBe(3);
    expect(await calls(10)).toEqual({ good: 10 });
  });

  it('stays ejected when it connects anew', async () => {
    const { list } = await stage({ balancer: { ...RR, ejection: { consecutiveFailures: 3 } } });
    const bad = await echoing('bad', { say: (_call, reply) => reply({ code: status.INTERNAL }) });
    const { port, open, taken, cut } = await relay(bad.port);
    await list({ name: 'bad', port });
    await list(await echoing('good'));
    const { say, calls } = calling();
    for (let i = 0; i < 40; i++) await say().catch(() => {});
    expect([bad.calls(), open()]).toEqual([3, 1]);
    cut();
    await vi.waitFor(() => expect([open(), taken()]).toEqual([1, 2]), soon);
    expect(await calls(200)).toEqual({ good: 200 });
  });
});
