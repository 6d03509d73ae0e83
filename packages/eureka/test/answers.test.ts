import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { RegistryError } from '@rollcall/core';
import { ManualClock } from '@rollcall/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eurekaAdapter } from '../src/index.ts';
import { answering } from './answering.ts';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';

const EMPTY = JSON.stringify({
  applications: { versions__delta: '1', apps__hashcode: '', application: [] },
});

/** Answers as Eureka at first, so that the adapter opens; then, to all but that, as told. */
function later(answer: RequestListener): RequestListener {
  return (request, response) => {
    if (request.url?.endsWith('/delta') === true) response.end(EMPTY);
    else answer(request, response);
  };
}

describe('what isn’t Eureka', () => {
  it.each<[string, RequestListener, string]>([
    ['text', (_request, response) => response.end('hello'), 'PROTOCOL'],
    ['nothing', (_request, response) => response.end(), 'PROTOCOL'],
    [
      'an HTML page',
      (_request, response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>'),
      'PROTOCOL',
    ],
    ['XML', (_request, response) => response.end('<applications></applications>'), 'PROTOCOL'],
    ['JSON cut short', (_request, response) => response.end(EMPTY.slice(0, -3)), 'PROTOCOL'],
    ['other JSON', (_request, response) => response.end('{"applications":[]}'), 'PROTOCOL'],
    [
      'a way to elsewhere',
      (_request, response) => response.writeHead(302, { location: '/login' }).end(),
      'PROTOCOL',
    ],
    [
      'less than it says',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"applications"');
        setTimeout(() => response.destroy(), 20);
      },
      'UNAVAILABLE',
    ],
    ['an error of its own', (_request, response) => response.writeHead(503).end(), 'UNAVAILABLE'],
    ['that it has just started', (_request, response) => response.writeHead(403).end(), 'UNAVAILABLE'],
    ['that it wants a user', (_request, response) => response.writeHead(401).end(), 'UNAUTHENTICATED'],
  ])(
    'a server that answers %s is an error that says so, and never an empty list',
    async (_what, answer, code) => {
      const opening = eurekaAdapter({ servers: [await answering(answer)] });
      await expect(opening.open(soon().signal)).rejects.toMatchObject({ name: 'RegistryError', code });
      await opening.close();
      const adapter = await openAdapter({ servers: [await answering(later(answer))] });
      for (const call of [
        () => adapter.listServices('default', soon()),
        () => adapter.register(instance('a', '1'), { ttlMs: 10_000, ...soon() }),
        () => adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]().next(),
        () => adapter.discover(keyOf('a'), soon()),
      ]) {
        const error: unknown = await call().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(RegistryError);
        expect(error).toMatchObject({ retryable: true });
      }
    },
  );

  it.each<[string, RequestListener]>([
    ['50 MB', (_request, response) => response.end('x'.repeat(50 * 1024 * 1024))],
    ['that it has no such page', (_request, response) => response.writeHead(404).end('no')],
  ])('a server that answers %s isn’t opened', async (_what, answer) => {
    const server = await answering(answer);
    const adapter = eurekaAdapter({ servers: [server] });
    const error: unknown = await adapter.open(soon().signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'PROTOCOL' });
    expect(String(error)).toContain(server);
    expect(String(error).length).toBeLessThan(500);
    await adapter.close();
  });

  it('a 404 of a server that never answered as Eureka is no empty list', async () => {
    let isDead = false;
    const eureka = await answering((_request, response) => {
      if (isDead) response.destroy();
      else response.end(EMPTY);
    });
    const stranger = await answering((_request, response) => response.writeHead(404).end());
    const adapter = await openAdapter({ servers: [eureka, stranger] });
    isDead = true;
    for (const call of [
      () => adapter.discover(keyOf('a'), soon()),
      () => adapter.deregister(instance('a', '1'), soon()),
    ])
      await expect(call()).rejects.toMatchObject({
        code: 'PROTOCOL',
        message: expect.stringContaining(stranger) as string,
      });
  });
});

describe('an answer of another form', () => {
  it('a list of one as that one, numbers as text, and an entry that is none are all read', async () => {
    const entry = {
      instanceId: 'ROLLCALL.DEFAULT.A:1',
      hostName: 'a',
      status: 'UP',
      port: { $: '8080', '@enabled': 'true' },
      lastUpdatedTimestamp: '17',
    };
    const answers: Record<string, unknown> = {
      one: { name: 'ROLLCALL.DEFAULT.A', instance: entry },
      more: { name: 'ROLLCALL.DEFAULT.A', instance: [entry, null, 'text', { instanceId: 7 }] },
      none: { name: 'ROLLCALL.DEFAULT.A' },
    };
    let which = 'one';
    const server = await answering((request, response) => {
      const isApp = request.url?.includes('ROLLCALL') === true;
      response.end(isApp ? JSON.stringify({ application: answers[which] }) : EMPTY);
    });
    const adapter = await openAdapter({ servers: [server] });
    const expected = [instance('a', '1', { host: 'a', port: 8080 })];
    expect(await adapter.discover(keyOf('a'), soon())).toEqual({ instances: expected, skipped: [] });
    which = 'more';
    const { instances, skipped } = await adapter.discover(keyOf('a'), soon());
    expect(instances).toEqual(expected);
    expect(skipped).toHaveLength(3);
    which = 'none';
    expect(await adapter.discover(keyOf('a'), soon())).toEqual({ instances: [], skipped: [] });
  });
});

describe('a list', () => {
  it('that the server made while one in it changed, and still gives, does not hide what the changes say', async () => {
    const listed = (status: string, updatedAt: number) => ({
      name: 'ROLLCALL.DEFAULT.A',
      instance: {
        instanceId: 'ROLLCALL.DEFAULT.A:1',
        hostName: 'a',
        status,
        port: { $: 8080, '@enabled': 'true' },
        lastUpdatedTimestamp: updatedAt,
        actionType: 'MODIFIED',
      },
    });
    const all = (hash: string, ...application: object[]) =>
      JSON.stringify({ applications: { apps__hashcode: hash, application } });
    let changes = all('UP_1_');
    const server = await answering((request, response) => {
      const isApp = request.url?.includes('ROLLCALL') === true;
      if (isApp) response.end(JSON.stringify({ application: listed('UP', 17) }));
      else response.end(request.url?.endsWith('/delta') === true ? changes : all('UP_1_', listed('UP', 17)));
    });
    const adapter = await openAdapter({ servers: [server], pollIntervalMs: 100 });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.known.get('1')?.status).toBe('UP');
    changes = all('OUT_OF_SERVICE_1_', listed('OUT_OF_SERVICE', 18));
    await expect.poll(() => follower.known.get('1')?.status).toBe('OUT_OF_SERVICE');
    const out = { instances: [{ id: '1', status: 'OUT_OF_SERVICE' }] };
    expect(await adapter.discover(keyOf('a'), soon())).toMatchObject(out);
    const reader = await openAdapter({ servers: [server] });
    expect(await reader.discover(keyOf('a'), soon())).toMatchObject(out);
  });
});

describe('a list and changes of different moments', () => {
  it('list who is there: each that only the changes have is looked up', async () => {
    const entry = (id: string, updatedAt: number) => ({
      instanceId: `ROLLCALL.DEFAULT.A:${id}`,
      hostName: 'a',
      status: 'UP',
      port: { $: 8080, '@enabled': 'true' },
      lastUpdatedTimestamp: updatedAt,
      actionType: 'ADDED',
    });
    const list = { name: 'ROLLCALL.DEFAULT.A', instance: [entry('stays', 17)] };
    const changed = { ...list, instance: [entry('stays', 17), entry('left', 18), entry('came', 19)] };
    const changes = { applications: { apps__hashcode: 'UP_2_', application: [changed] } };
    const server = await answering((request, response) => {
      const at = decodeURIComponent(request.url ?? '');
      if (at.endsWith('A:came')) response.end(JSON.stringify({ instance: entry('came', 19) }));
      else if (at.endsWith('A:left')) response.writeHead(404).end();
      else if (at.endsWith('ROLLCALL.DEFAULT.A')) response.end(JSON.stringify({ application: list }));
      else response.end(JSON.stringify(changes));
    });
    const adapter = await openAdapter({ servers: [server] });
    const there = [{ id: 'stays' }, { id: 'came' }];
    expect((await adapter.discover(keyOf('a'), soon())).instances).toMatchObject(there);
    const first = await adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]().next();
    expect(first.value).toMatchObject({ kind: 'list', instances: there });
  });
});

describe('a poll', () => {
  it('tells a change that the server hides in its changes and has in brief', async () => {
    const entry = { hostName: 'a', status: 'UP', port: { $: 8080, '@enabled': 'true' }, actionType: 'ADDED' };
    const answer = (hash: string, ...entries: object[]) =>
      JSON.stringify({
        applications: {
          apps__hashcode: hash,
          application: [{ name: 'ROLLCALL.DEFAULT.A', instance: entries }],
        },
      });
    const one = { ...entry, instanceId: 'ROLLCALL.DEFAULT.A:1', lastUpdatedTimestamp: 17 };
    const two = { ...entry, instanceId: 'ROLLCALL.DEFAULT.A:2', lastUpdatedTimestamp: 18 };
    const gone = { ...one, lastUpdatedTimestamp: 19, actionType: 'DELETED' };
    const three = { ...entry, instanceId: 'ROLLCALL.DEFAULT.A:3', lastUpdatedTimestamp: 18 };
    let stale = answer('UP_1_', one);
    let inBrief = stale;
    let asked = { all: 0, inBrief: 0, one: 0 };
    const server = await answering((request, response) => {
      const isBrief = request.headers['x-eureka-accept'] === 'compact';
      if (request.url?.endsWith('A%3A2') === true) {
        asked.one++;
        response.end(JSON.stringify({ instance: two }));
      } else if (request.url?.endsWith('A%3A1') === true && inBrief === stale)
        response.end(JSON.stringify({ instance: one }));
      else if (request.url?.includes('ROLLCALL') === true) response.writeHead(404).end();
      else {
        if (isBrief) asked.inBrief++;
        if (request.url?.endsWith('/apps') === true) asked.all++;
        response.end(isBrief ? inBrief : stale);
      }
    });
    const adapter = await openAdapter({ servers: [server], pollIntervalMs: 100, responseCacheMs: 3_000 });
    const follower = follow(adapter, 'a');
    await expect.poll(() => [...follower.known.keys()]).toEqual(['1']);
    asked = { all: 0, inBrief: 0, one: 0 };
    inBrief = answer('UP_2_', one, two);
    await expect.poll(() => [...follower.known.keys()].toSorted()).toEqual(['1', '2']);
    inBrief = answer('UP_1_', one, two, gone);
    await expect.poll(() => [...follower.known.keys()]).toEqual(['2']);
    asked.inBrief = 0;
    await expect.poll(() => asked.inBrief).toBeGreaterThan(3);
    expect(asked).toMatchObject({ all: 0, one: 1 });
    expect([...follower.known.keys()]).toEqual(['2']);
    expect((await adapter.discover(keyOf('a'), soon())).instances).toMatchObject([{ id: '2' }]);
    // Newer than the changes were, and older than what was read by itself.
    stale = answer('UP_2_', one, three);
    await expect.poll(() => follower.known.has('3')).toBe(true);
    expect([...follower.known.keys()].toSorted()).toEqual(['2', '3']);
  });

  it('takes nothing back that it read past the caches, also where a watch begins anew', async () => {
    const entry = (status: string, updatedAt: number) => ({
      instanceId: 'ROLLCALL.DEFAULT.A:1',
      hostName: 'a',
      status,
      port: { $: 8080, '@enabled': 'true' },
      lastUpdatedTimestamp: updatedAt,
      actionType: 'MODIFIED',
    });
    const application = (one: object) => ({ name: 'ROLLCALL.DEFAULT.A', instance: [one] });
    const changes = (one: object) =>
      JSON.stringify({ applications: { apps__hashcode: 'UP_1_', application: [application(one)] } });
    const [before, after] = [entry('UP', 17), entry('OUT_OF_SERVICE', 18)];
    let inBrief = before;
    const server = await answering((request, response) => {
      if (request.url?.endsWith('A%3A1') === true) response.end(JSON.stringify({ instance: after }));
      else if (request.url?.includes('ROLLCALL') === true)
        response.end(JSON.stringify({ application: application(before) }));
      else response.end(changes(request.headers['x-eureka-accept'] === 'compact' ? inBrief : before));
    });
    const adapter = await openAdapter({ servers: [server], pollIntervalMs: 100, responseCacheMs: 5_000 });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.known.get('1')?.status).toBe('UP');
    inBrief = after;
    await expect.poll(() => follower.known.get('1')?.status).toBe('OUT_OF_SERVICE');
    await follower.stop();
    const [again] = await Promise.all([
      adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]().next(),
      expect(adapter.discover(keyOf('a'), soon())).resolves.toMatchObject({
        instances: [{ status: 'OUT_OF_SERVICE' }],
      }),
    ]);
    expect(again.value).toMatchObject({ kind: 'list', instances: [{ status: 'OUT_OF_SERVICE' }] });
  });

  it('that is closed in the middle of a long answer keeps no timer, and with it no process', async () => {
    const clock = new ManualClock();
    let isLong = false;
    let asked = () => {};
    const long = gzipSync(Buffer.alloc(30_000_000, ' '));
    const server = await answering((request, response) => {
      if (isLong) response.writeHead(200, { 'content-encoding': 'gzip' }).end(long, () => asked());
      else response.end(request.url?.includes('ROLLCALL') === true ? '{"application":{"name":"A"}}' : EMPTY);
    });
    const adapter = eurekaAdapter({ servers: [server], pollIntervalMs: 1_000 }, { clock });
    onTestFinished(() => adapter.close());
    await adapter.open(soon().signal);
    const follower = follow(adapter as Required<typeof adapter>, 'a');
    await expect.poll(() => follower.events).toHaveLength(1);
    isLong = true;
    const sent = new Promise<void>((resolve) => (asked = resolve));
    await clock.advance(1_001);
    await sent;
    await adapter.close();
    await follower.ended;
    expect(clock.pending).toBe(0);
  });

  it('looks up many such changes at once, without a warning', async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const entry = (id: number) => ({
      instanceId: `ROLLCALL.DEFAULT.A:${id}`,
      hostName: 'a',
      status: 'UP',
      port: { $: 8080, '@enabled': 'true' },
      lastUpdatedTimestamp: 17,
      actionType: 'ADDED',
    });
    const answer = (many: number) => {
      const instances = Array.from({ length: many }, (_, id) => entry(id));
      const application = [{ name: 'ROLLCALL.DEFAULT.A', instance: instances }];
      return JSON.stringify({ applications: { apps__hashcode: `UP_${many}_`, application } });
    };
    const stale = answer(0);
    let inBrief = stale;
    const server = await answering((request, response) => {
      const id = /A%3A(\d+)$/u.exec(request.url ?? '')?.[1];
      if (id !== undefined) response.end(JSON.stringify({ instance: entry(Number(id)) }));
      else if (request.url?.includes('ROLLCALL') === true) response.writeHead(404).end();
      else response.end(request.headers['x-eureka-accept'] === 'compact' ? inBrief : stale);
    });
    const adapter = await openAdapter({ servers: [server], pollIntervalMs: 100, responseCacheMs: 3_000 });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events).toHaveLength(1);
    inBrief = answer(30);
    await expect.poll(() => follower.known.size).toBe(30);
    expect(warnings).toEqual([]);
  });

  it('leaves a server alone that takes long to answer', async () => {
    const clock = new ManualClock();
    let tookMs = 0;
    const asked: number[] = [];
    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.endsWith('/delta') === true) {
        asked.push(clock.now());
        await clock.advance(tookMs);
      }
      response.end(request.url?.includes('ROLLCALL') === true ? '{"application":{"name":"A"}}' : EMPTY);
    };
    const server = await answering((request, response) => void answer(request, response));
    const adapter = eurekaAdapter({ servers: [server], pollIntervalMs: 1_000 }, { clock });
    onTestFinished(() => adapter.close());
    await adapter.open(soon().signal);
    tookMs = 4_000;
    const follower = follow(adapter as Required<typeof adapter>, 'a');
    await expect.poll(() => follower.events).toHaveLength(1);
    tookMs = 0;
    const step = async () => {
      await clock.advance(250);
      return asked.length;
    };
    const before = asked.length;
    await expect.poll(step, { interval: 10, timeout: 4_000 }).toBeGreaterThan(before + 2);
    const pauses = asked.slice(1).map((at, n) => at - (asked[n] ?? 0));
    expect(Math.max(...pauses)).toBeGreaterThanOrEqual(4 * 4_000);
    expect(pauses.at(-1)).toBeLessThan(4 * 4_000);
  });

  it.each([
    ['leaves a server alone that gave no answer, while it is slow', 2_000, 30_000],
    ['asks a server that gave no answer as before, once it is quick', 0, 0],
  ])('%s; a watch that begins again lists at once', async (_title, tookMs, expectedMs) => {
    const clock = new ManualClock();
    let isSilent = false;
    let isSlow = false;
    const asked: number[] = [];
    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.endsWith('/delta') === true) {
        asked.push(clock.now());
        if (isSlow) await clock.advance(tookMs);
      }
      if (!isSilent)
        response.end(request.url?.includes('ROLLCALL') === true ? '{"application":{"name":"A"}}' : EMPTY);
    };
    const server = await answering((request, response) => void answer(request, response));
    const adapter = eurekaAdapter({ servers: [server], pollIntervalMs: 1_000 }, { clock });
    onTestFinished(() => adapter.close());
    await adapter.open(soon().signal);
    const first = follow(adapter as Required<typeof adapter>, 'a');
    await expect.poll(() => first.events).toHaveLength(1);
    isSilent = true;
    let hasEnded = false;
    void first.ended.then(() => (hasEnded = true));
    await expect.poll(async () => (await clock.advance(250), hasEnded), { interval: 10 }).toBe(true);
    expect(await first.ended).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const endedAt = clock.now();

    [isSilent, isSlow] = [false, true];
    const again = follow(adapter as Required<typeof adapter>, 'a');
    await expect.poll(() => again.events).toHaveLength(1);
    isSlow = false;
    // Of this watch as it began, and of its poll.
    const before = asked.findIndex((at) => at >= endedAt);
    const step = async () => {
      await clock.advance(250);
      return asked.length;
    };
    await expect.poll(step, { interval: 10, timeout: 4_000 }).toBeGreaterThan(before + 1);
    const [begun = 0, polled = 0] = asked.slice(before).map((at) => at - endedAt);
    expect(begun).toBe(0);
    expect(polled).toBeGreaterThanOrEqual(expectedMs);
    expect(polled).toBeLessThanOrEqual(expectedMs + 1_000);
  });
});

describe('a watch', () => {
  it('makes one request where no server answers', async () => {
    let isDown = false;
    const asked: (string | undefined)[] = [];
    const server = await answering((request, response) => {
      if (isDown) asked.push(request.url);
      if (isDown) setTimeout(() => response.writeHead(503).end(), 50);
      else response.end(EMPTY);
    });
    const adapter = await openAdapter({ servers: [server] });
    isDown = true;
    const watch = adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(asked).toEqual(['/eureka/apps/ROLLCALL.DEFAULT.A']);
  });

  it('asks at a time of its own what changed, where many began at the same moment', async () => {
    const [many, intervalMs] = [40, 30_000];
    const clock = new ManualClock();
    const asked: number[] = [];
    const server = await answering((request, response) => {
      if (request.url?.endsWith('/delta') === true) asked.push(clock.now());
      response.end(request.url?.includes('ROLLCALL') === true ? '{"application":{"name":"A"}}' : EMPTY);
    });
    for (let i = 0; i < many; i++) {
      const adapter = eurekaAdapter({ servers: [server], pollIntervalMs: intervalMs }, { clock });
      onTestFinished(() => adapter.close());
      await adapter.open(soon().signal);
      const follower = follow(adapter as Required<typeof adapter>, 'a');
      await expect.poll(() => follower.events).toHaveLength(1);
    }
    await clock.advance(1);
    const step = async () => {
      await clock.advance(250);
      return clock.now();
    };
    await expect.poll(step, { interval: 5, timeout: 10_000 }).toBeGreaterThan(intervalMs + 2_000);
    const polls = asked.filter((at) => at > 0);
    expect(polls.length).toBeGreaterThanOrEqual(many);
    for (let from = 0; from <= intervalMs; from += 5_000) {
      const within = polls.filter((at) => at >= from && at < from + 5_000);
      // A sixth of all, were they even. Three times as many is one case in a hundred thousand.
      expect(within.length, `${from} ms`).toBeLessThan(many / 2);
    }
  });

  it('loses no change where the counts are wrong and all there is comes from an older cache', async () => {
    const entry = (id: string, updatedAt: number) => ({
      instanceId: `ROLLCALL.DEFAULT.A:${id}`,
      hostName: 'a',
      status: 'UP',
      port: { $: 8080, '@enabled': 'true' },
      lastUpdatedTimestamp: updatedAt,
      actionType: 'ADDED',
    });
    const answer = (hash: string, ...entries: object[]) =>
      JSON.stringify({
        applications: {
          apps__hashcode: hash,
          application: [{ name: 'ROLLCALL.DEFAULT.A', instance: entries }],
        },
      });
    let [changes, all] = [answer(''), answer('')];
    const server = await answering((request, response) => {
      if (request.url?.endsWith('/delta') === true) response.end(changes);
      else if (request.url?.endsWith('/apps') === true) response.end(all);
      else response.writeHead(404).end();
    });
    const adapter = await openAdapter({ servers: [server], pollIntervalMs: 100, responseCacheMs: 300 });
    const follower = follow(adapter, 'a');
    const services = adapter.watchServices('default', soon())[Symbol.asyncIterator]();
    expect(await services.next()).toMatchObject({ value: [] });
    await expect.poll(() => follower.events.length).toBe(1);
    changes = answer('UP_2_', entry('x', 17));
    await expect.poll(() => [...follower.known.keys()]).toEqual(['x']);
    expect(await services.next()).toMatchObject({ value: ['a'] });
    all = answer('UP_2_', entry('x', 17), entry('y', 16));
    await expect.poll(() => [...follower.known.keys()].toSorted()).toEqual(['x', 'y']);
    expect(follower.events.flatMap((event) => (event.kind === 'delta' ? event.removed : []))).toEqual([]);
  });

  it('ends with an error when the answers become unreadable', async () => {
    let isBroken = false;
    const server = await answering((request, response) => {
      if (isBroken) response.end('<html>');
      else if (request.url?.includes('ROLLCALL') === true) response.writeHead(404).end();
      else response.end(EMPTY);
    });
    const adapter = await openAdapter({ servers: [server], pollIntervalMs: 100 });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events).toEqual([{ kind: 'list', instances: [], skipped: [] }]);
    isBroken = true;
    expect(await follower.ended).toMatchObject({ code: 'PROTOCOL' });
    expect(follower.events).toHaveLength(1);
  });
});

describe('a user', () => {
  const user = { username: 'eureka', password: 'hünter2:3' };

  it('is shown to the servers with each request', async () => {
    const seen = new Set<string | undefined>();
    const server = await answering((request, response) => {
      seen.add(request.headers.authorization);
      response.end(EMPTY);
    });
    const adapter = await openAdapter({ servers: [server], ...user });
    await adapter.listServices('default', soon());
    expect([...seen]).toEqual([`Basic ${Buffer.from('eureka:hünter2:3').toString('base64')}`]);
  });

  it('that is refused is in no message', async () => {
    const server = await answering((_request, response) => response.writeHead(401).end());
    const adapter = eurekaAdapter({ servers: [server], ...user });
    const error: unknown = await adapter.open(soon().signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(String(error)).not.toMatch(/hünter2|aMO8/u);
    await adapter.close();
  });

  it('who may not write is told so', async () => {
    const server = await answering((request, response) => {
      if (request.method === 'GET' && request.url?.includes('ROLLCALL') === true)
        response.writeHead(404).end();
      else if (request.method === 'GET') response.end(EMPTY);
      else response.writeHead(403).end();
    });
    const adapter = await openAdapter({ servers: [server] });
    await expect(adapter.register(instance('a', '1'), { ttlMs: 10_000, ...soon() })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('CSRF') as string,
    });
  });
});
