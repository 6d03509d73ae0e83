import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { interceptors, request } from 'undici';
import type { AttemptEvent, CallError } from '../src/index.ts';
import { deadPort, echo, rejection, serve, Stage, talk } from './stage.ts';

const URL = 'http://user-service/users/42?full=yes';

describe('a call', () => {
  it('goes to an instance by the name of its service, as it was made', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', echo);
    const fetch = stage.fetch();
    const answer = await fetch(URL, { method: 'POST', headers: { 'x-one': '1' }, body: 'text' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      method: 'POST',
      url: '/users/42?full=yes',
      body: 'text',
      headers: { host: 'user-service', 'x-one': '1' },
    });
  });

  it('is spread over the instances, and follows the list', async () => {
    const stage = await Stage.begin();
    const [a, b] = [await stage.serve('a'), await stage.serve('b')];
    const fetch = stage.fetch({ balancer: { policy: 'round-robin' } });
    const calls = async (count: number) => {
      const ids: string[] = [];
      for (let i = 0; i < count; i++) ids.push(await (await fetch(URL)).text());
      return ids.toSorted();
    };
    expect(await calls(4)).toEqual(['a', 'a', 'b', 'b']);
    await stage.unlist('a');
    await expect.poll(() => fetch.dispatcher.balancerOf('user-service')?.report.length).toBe(1);
    expect(await calls(3)).toEqual(['b', 'b', 'b']);
    // The connections to who left are closed, those of the others kept.
    await expect.poll(() => a.sockets.size).toBe(0);
    expect(b.sockets.size).toBeGreaterThan(0);
    const c = await stage.serve('c');
    await expect.poll(() => fetch.dispatcher.balancerOf('user-service')?.report.length).toBe(2);
    expect(await calls(2)).toEqual(['b', 'c']);
    expect(c.count).toBe(1);
  });

  it('that is under way when its instance leaves ends as it would', async () => {
    const stage = await Stage.begin();
    let end = () => {};
    const a = await stage.serve('a', (_request, response) => {
      response.write('begun, ');
      end = () => response.end('ended');
    });
    const fetch = stage.fetch();
    const answer = await fetch(URL);
    await stage.unlist('a');
    await expect.poll(() => fetch.dispatcher.balancerOf('user-service')?.report.length).toBe(0);
    end();
    expect(await answer.text()).toBe('begun, ended');
    await expect.poll(() => a.sockets.size).toBe(0);
  });

  it('through undici.request goes the same way', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', echo);
    const { dispatcher } = stage.fetch();
    const { body, statusCode } = await request(URL, {
      dispatcher,
      method: 'PUT',
      body: Readable.from(['st', 'ream']),
    });
    expect(statusCode).toBe(200);
    expect(await body.json()).toMatchObject({
      method: 'PUT',
      body: 'stream',
      headers: { host: 'user-service' },
    });
  });

  it('through undici’s interceptors goes the same way, with a long answer that is read slowly', async () => {
    const stage = await Stage.begin();
    const long = Buffer.alloc(5_000_000, 'x');
    await stage.serve('a', (incoming, response) => {
      if (incoming.url === '/long') response.writeHead(200, { 'x-one': 'yes' }).end(long);
      else response.writeHead(404).end('no');
    });
    const dispatcher = stage.fetch().dispatcher.compose(interceptors.responseError());
    const { body, headers } = await request('http://user-service/long', { dispatcher });
    expect(headers['x-one']).toBe('yes');
    let length = 0;
    for await (const chunk of body) {
      length += (chunk as Buffer).length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(length).toBe(long.length);
    await expect(request('http://user-service/none', { dispatcher })).rejects.toMatchObject({
      statusCode: 404,
    });
    const stop = new AbortController();
    const { body: begun } = await request('http://user-service/long', { dispatcher, signal: stop.signal });
    stop.abort();
    await expect(begun.text()).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('takes a request of Node’s own, and follows a redirect to another service', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', (_request, response) =>
      response.writeHead(302, { location: 'http://order-service/orders' }).end(),
    );
    await stage.serve('o', (incoming, response) => response.end(`orders ${incoming.url}`), {
      service: 'order-service',
    });
    const answer = await stage.fetch()(new Request(URL));
    expect(await answer.text()).toBe('orders /orders');
  });

  it('streams its answer, and stops when the caller does', async () => {
    const stage = await Stage.begin();
    const a = await stage.serve('a', (_request, response) => {
      response.write('first');
    });
    const answer = await stage.fetch()(URL);
    const reader = answer.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('first');
    await reader?.cancel();
    await expect.poll(() => a.cut).toBe(1);
  });

  it('of a URL that isn’t a service’s is made as it stands', async () => {
    const stage = await Stage.begin();
    const other = await serve('other');
    const fetch = stage.fetch();
    expect(await (await fetch(`http://127.0.0.1:${other.port}/`)).text()).toBe('other');
    expect(await (await fetch(`http://localhost:${other.port}/`)).text()).toBe('other');
  });

  it('finds its service as it is told to', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    const fetch = stage.fetch({
      serviceOf: ({ hostname }) => (hostname.endsWith('.mesh') ? hostname.slice(0, -5) : undefined),
    });
    expect(await (await fetch('http://user-service.mesh:8080/')).text()).toBe('a');
  });

  it('with the same key goes to the same instance', async () => {
    const stage = await Stage.begin();
    for (const id of ['a', 'b', 'c']) await stage.serve(id);
    const fetch = stage.fetch({
      balancer: { policy: 'consistent-hash' },
      keyOf: ({ headers, method, service }) => `${service} ${method} ${headers['x-user']}`,
    });
    const of = async (user: string) => await (await fetch(URL, { headers: { 'X-User': user } })).text();
    const seen = new Set<string>();
    for (let user = 0; user < 20; user++) {
      const first = await of(`${user}`);
      expect(await of(`${user}`)).toBe(first);
      seen.add(first);
    }
    expect(seen.size).toBe(3);
  });
});

describe('routes', () => {
  it('lead calls by their headers', async () => {
    const stage = await Stage.begin();
    await stage.serve('stable');
    await stage.serve('preview', undefined, { version: '2' });
    const fetch = stage.fetch({
      balancer: { routes: [{ headers: { 'x-preview': 'yes' }, to: { version: '2' } }] },
    });
    for (let i = 0; i < 5; i++) {
      expect(await (await fetch(URL)).text()).toBe('stable');
      expect(await (await fetch(URL, { headers: { 'X-Preview': 'yes' } })).text()).toBe('preview');
    }
  });
});

describe('a key that is no text', () => {
  it('is the caller’s mistake, and said so', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    const fetch = stage.fetch({
      balancer: { policy: 'consistent-hash' },
      keyOf: () => 7 as unknown as string,
    });
    for (let i = 0; i < 2; i++)
      await expect(fetch(URL)).rejects.toMatchObject({ cause: { code: 'INVALID_ARGUMENT', field: 'key' } });
    await fetch.close();
  });
});

describe('a call whose instance fails', () => {
  it('is made to another, and its caller sees nothing', async () => {
    const stage = await Stage.begin();
    const events: AttemptEvent[] = [];
    await stage.serve('good');
    await stage.list({ id: 'dead', port: await deadPort() });
    await stage.serve('ill', (_request, response) => response.writeHead(503).end('no'));
    await stage.list({
      id: 'cut',
      port: await talk((socket) => socket.once('data', () => socket.destroy())),
    });
    const fetch = stage.fetch({
      balancer: { policy: 'round-robin', ejection: false },
      retry: { attempts: 4 },
      onEvent: (e) => events.push(e),
    });
    for (let i = 0; i < 12; i++) expect(await (await fetch(URL)).text()).toBe('good');
    const reasons = new Map(events.map(({ instance, reason }) => [instance.id, reason]));
    expect([...reasons.keys()].toSorted()).toEqual(['cut', 'dead', 'ill']);
    expect(reasons.get('ill')).toBe('status 503');
    expect(reasons.get('dead')).toContain('ECONNREFUSED');
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['retry']));
  });

  it('and ejects it after a few', async () => {
    const stage = await Stage.begin();
    await stage.serve('good');
    const ill = await stage.serve('ill', (_request, response) => response.writeHead(500).end());
    const fetch = stage.fetch({
      balancer: { policy: 'round-robin', panicThreshold: 0 },
      retry: { statuses: [500] },
    });
    for (let i = 0; i < 40; i++) expect((await fetch(URL)).status).toBe(200);
    expect(ill.count).toBe(5);
  });

  it('is not made twice when that could do harm, unless it never was sent', async () => {
    const stage = await Stage.begin();
    const cut = await talk((socket) => socket.once('data', () => socket.destroy()));
    await stage.list({ id: 'cut', port: cut });
    const spare = await stage.serve('spare', echo, { weight: 0 });
    const fetch = stage.fetch({ balancer: { ejection: false } });
    const error = await rejection(fetch(URL, { method: 'POST', body: 'pay 5' }));
    expect(error).toMatchObject({ code: 'UNREACHABLE', service: 'user-service' });
    expect(error.message).toContain(`cut at 127.0.0.1:${cut}`);
    await stage.unlist('cut');
    await stage.list({ id: 'dead', port: await deadPort() });
    await stage.registry.registrations.find(({ instance }) => instance.id === 'spare')?.update({ weight: 1 });
    const weights = () => fetch.dispatcher.balancerOf('user-service')?.report.map(({ weight }) => weight);
    await expect.poll(weights).toEqual([1, 1]);
    for (let i = 0; i < 10; i++)
      expect(await (await fetch(URL, { method: 'POST', body: `pay ${i}` })).json()).toMatchObject({
        body: `pay ${i}`,
      });
    expect(spare.count).toBe(10);
  });

  it('is made twice when its options say that it may be', async () => {
    const stage = await Stage.begin();
    await stage.serve('ill', (_request, response) => response.writeHead(502).end());
    await stage.serve('good', echo);
    const fetch = stage.fetch({
      balancer: { policy: 'round-robin', ejection: false },
      retry: { isSafe: ({ headers }) => headers['idempotency-key'] !== undefined },
    });
    const statuses = async (headers: Record<string, string>) => {
      const answers = [];
      for (let i = 0; i < 4; i++)
        answers.push((await fetch(URL, { method: 'POST', headers, body: 'x' })).status);
      return answers.toSorted((x, y) => x - y);
    };
    expect(await statuses({ 'idempotency-key': '1' })).toEqual([200, 200, 200, 200]);
    expect(await statuses({})).toEqual([200, 200, 502, 502]);
  });

  it('is made twice, whatever its method, when the server’s guard refused it; and that is no failure', async () => {
    const stage = await Stage.begin();
    const full = await stage.serve('full', (_request, response) =>
      response.writeHead(503, { 'x-rollcall-shed': '1' }).end(),
    );
    await stage.serve('good', echo);
    const fetch = stage.fetch({ balancer: { policy: 'round-robin' } });
    for (let i = 0; i < 20; i++)
      expect((await fetch(URL, { method: 'POST', body: `${i}` })).status).toBe(200);
    expect(full.count).toBeGreaterThan(5);
    const ejected = fetch.dispatcher
      .balancerOf('user-service')
      ?.report.map(({ ejectedForMs }) => ejectedForMs);
    expect(ejected).toEqual([0, 0]);
  });

  it('sends all of a streamed body again, or the answer that it got when it is too long to be kept', async () => {
    const stage = await Stage.begin();
    await stage.serve('ill', (incoming, response) => {
      incoming.resume().on('end', () => response.writeHead(503).end('no'));
    });
    await stage.serve('good', echo);
    const fetch = stage.fetch({
      balancer: { policy: 'round-robin', ejection: false },
      retry: { keepBytes: 10_000 },
    });
    const put = async (length: number) => {
      async function* chunks() {
        for (let i = 0; i < length / 1_000; i++) {
          yield Buffer.alloc(1_000, 'x');
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      const init = { method: 'PUT', body: chunks() as unknown as string, duplex: 'half' as const };
      const answer = await fetch(URL, init);
      if (answer.status !== 200) return answer.status;
      return ((await answer.json()) as { body: string }).body.length;
    };
    expect([await put(9_000), await put(9_000)]).toEqual([9_000, 9_000]);
    expect([await put(20_000), await put(20_000)].toSorted((x, y) => y - x)).toEqual([20_000, 503]);
  });

  it('is given the last answer when all are ill', async () => {
    const stage = await Stage.begin();
    const ill = await stage.serve('ill', (_request, response) => response.writeHead(503).end('busy'));
    const answer = await stage.fetch({ retry: { backoff: { baseMs: 1, capMs: 1 } } })(URL);
    expect([answer.status, await answer.text()]).toEqual([503, 'busy']);
    expect(ill.count).toBe(3);
  });

  it('costs no more retries than the budget has', async () => {
    const stage = await Stage.begin();
    const servers = [];
    for (const id of ['a', 'b'])
      servers.push(await stage.serve(id, (_request, response) => response.writeHead(503).end()));
    const fetch = stage.fetch({
      balancer: { ejection: false },
      retry: { attempts: 10, budget: { ratio: 0.2, perSecond: 0.5 }, backoff: { baseMs: 0, capMs: 0 } },
    });
    for (let i = 0; i < 100; i++) expect((await fetch(URL)).status).toBe(503);
    const requests = servers.reduce((sum, { count }) => sum + count, 0);
    // 100 calls, a fifth of them again, and half a one for each of ten seconds.
    expect(requests).toBeGreaterThanOrEqual(120);
    expect(requests).toBeLessThanOrEqual(126);
  });

  it('says which header is wrong, and blames no instance', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    const { dispatcher } = stage.fetch();
    await expect(request(URL, { dispatcher, headers: { 'bad name': 'x' } })).rejects.toThrow(/header/u);
    expect(dispatcher.balancerOf('user-service')?.report).toMatchObject([{ running: 0, ejectedForMs: 0 }]);
  });

  it('does not blame an instance for a body that breaks', async () => {
    const stage = await Stage.begin();
    const a = await stage.serve('a', echo);
    const { dispatcher } = stage.fetch();
    const broken = () =>
      Readable.from(
        (async function* () {
          yield 'begun';
          await Promise.resolve();
          throw new Error('the file is gone');
        })(),
      );
    for (let i = 0; i < 6; i++)
      await expect(request(URL, { dispatcher, method: 'PUT', body: broken() })).rejects.toThrow(
        'the file is gone',
      );
    expect(dispatcher.balancerOf('user-service')?.report).toMatchObject([{ running: 0, ejectedForMs: 0 }]);
    expect(a.count).toBeLessThanOrEqual(6);
  });
});

describe('when nobody is there', () => {
  it('a call fails at once, and says why', async () => {
    const stage = await Stage.begin();
    const fetch = stage.fetch();
    expect(await rejection(fetch(URL))).toMatchObject({
      code: 'NO_INSTANCE',
      message: 'user-service: nobody is listed',
    });
    await stage.serve('a', undefined, { status: 'DOWN' });
    await expect.poll(() => fetch.dispatcher.balancerOf('user-service')?.report.length).toBe(1);
    expect((await rejection(fetch(URL))).message).toBe('user-service: nobody may be called, of 1 DOWN');
  });

  it('a call waits where it is told to, and no longer', async () => {
    const stage = await Stage.begin();
    const waiting = stage.fetch({ waitForInstanceMs: 5_000 })(URL);
    await stage.serve('late');
    expect(await (await waiting).text()).toBe('late');
    await stage.unlist('late');
    await expect.poll(() => stage.registry.service('user-service').snapshot?.instances).toEqual([]);
    expect(await rejection(stage.fetch({ waitForInstanceMs: 30 })(URL))).toMatchObject({
      code: 'NO_INSTANCE',
    });
  });

  it('and it is in a namespace that no rule lets us look into, the error has the rule that would', async () => {
    const stage = await Stage.begin();
    const error = await rejection(stage.fetch({ namespace: 'payments' })(URL));
    expect(error.code).toBe('NO_LIST');
    expect(error.message).toContain('{ from: default, to: payments/user-service }');
    expect(error.cause).toMatchObject({ name: 'RegistryError', code: 'PERMISSION_DENIED' });
  });

  it('and the registry has not answered yet, the error is the registry’s', async () => {
    const stage = await Stage.begin();
    const fetch = stage.fetch();
    await stage.registry.close();
    const error = await rejection(fetch(URL));
    expect(error.code).toBe('NO_LIST');
    expect(error.cause).toMatchObject({ name: 'RegistryError', code: 'CLOSED' });
  });
});

describe('time', () => {
  it('ends a call that nobody answers, and says who was asked', async () => {
    const stage = await Stage.begin();
    await stage.list({ id: 'silent', port: await talk(() => {}) });
    const fetch = stage.fetch({ timeoutMs: 100 });
    expect(await rejection(fetch(URL))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'user-service: no answer within 100 ms; tried silent',
    });
    expect(fetch.dispatcher.balancerOf('user-service')?.report).toMatchObject([{ running: 0 }]);
  });

  it('ends one try, and the call is made to another', async () => {
    const stage = await Stage.begin();
    await stage.list({ id: 'silent', port: await talk(() => {}) });
    await stage.serve('good');
    const fetch = stage.fetch({
      attemptTimeoutMs: 100,
      balancer: { policy: 'round-robin', ejection: false },
    });
    for (let i = 0; i < 4; i++) expect(await (await fetch(URL)).text()).toBe('good');
  });

  it('ends an answer that has begun and never ends', async () => {
    const stage = await Stage.begin();
    await stage.serve('a', (_request, response) => response.write('begun'));
    const answer = await stage.fetch({ idleTimeoutMs: 100 })(URL);
    await expect(answer.text()).rejects.toMatchObject({ cause: { name: 'BodyTimeoutError' } });
  });

  it('is the caller’s: an abort ends the call at once, and is no fault of the instance', async () => {
    const stage = await Stage.begin();
    const a = await stage.serve('a', () => {});
    const fetch = stage.fetch();
    for (let i = 0; i < 6; i++) {
      const stop = new AbortController();
      const arrived = once(a.server, 'request');
      const call = fetch(URL, { signal: stop.signal });
      await arrived;
      stop.abort();
      await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    }
    expect(fetch.dispatcher.balancerOf('user-service')?.report).toMatchObject([
      { running: 0, ejectedForMs: 0 },
    ]);
    await expect.poll(() => a.cut).toBe(6);
  });
});

describe('a call that ends', () => {
  it('while it waits to try the only instance again holds nothing of it', async () => {
    const stage = await Stage.begin();
    await stage.serve('ill', (_request, response) => response.writeHead(503).end());
    const fetch = stage.fetch({
      timeoutMs: 200,
      retry: { backoff: { baseMs: 600_000, capMs: 600_000 } },
    });
    expect(await rejection(fetch(URL))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(fetch.dispatcher.balancerOf('user-service')?.report).toMatchObject([{ running: 0 }]);
  });

  it('by its caller does not open the circuit breaker', async () => {
    const stage = await Stage.begin();
    const a = await stage.serve('a', (incoming, response) => {
      if (incoming.url === '/quick') response.end('done');
    });
    const fetch = stage.fetch({ breaker: { threshold: 0.1, windowMs: 1_000, minimumPerSecond: 1 } });
    for (let i = 0; i < 10; i++) {
      const stop = new AbortController();
      const arrived = once(a.server, 'request');
      const call = fetch('http://user-service/slow', { signal: stop.signal });
      await arrived;
      stop.abort();
      await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    }
    expect(await (await fetch('http://user-service/quick')).text()).toBe('done');
  });
});

describe('hedging', () => {
  it('asks another when there is no answer in time, takes the first, and ends the other', async () => {
    const stage = await Stage.begin();
    const slow = await stage.serve('slow', () => {});
    await stage.serve('quick');
    const events: AttemptEvent[] = [];
    const fetch = stage.fetch({
      hedge: { afterMs: 20 },
      balancer: { policy: 'round-robin' },
      onEvent: (event) => events.push(event),
    });
    for (let i = 0; i < 4; i++) expect(await (await fetch(URL)).text()).toBe('quick');
    expect(slow.count).toBeGreaterThan(0);
    const hedge = { type: 'hedge', instance: { id: 'slow' }, attempt: 2, reason: 'no answer within 20 ms' };
    expect(events).toMatchObject(Array.from({ length: slow.count }, () => hedge));
    await expect.poll(() => slow.cut).toBe(slow.count);
    expect(fetch.dispatcher.balancerOf('user-service')?.report).toMatchObject([
      { running: 0 },
      { running: 0 },
    ]);
  });

  it('leaves alone what may not be made twice', async () => {
    const stage = await Stage.begin();
    const slow = (_: unknown, response: { end(text: string): void }) =>
      setTimeout(() => response.end('done'), 100);
    const servers = [await stage.serve('a', slow), await stage.serve('b', slow)];
    await (await stage.fetch({ hedge: { afterMs: 10 } })(URL, { method: 'POST', body: 'x' })).text();
    expect(servers.reduce((sum, { count }) => sum + count, 0)).toBe(1);
  });
});

describe('against too much', () => {
  it('the limit holds: so many at once, so many wait, the next fails at once', async () => {
    const stage = await Stage.begin();
    const answers: (() => void)[] = [];
    const a = await stage.serve('a', (_request, response) => answers.push(() => response.end('done')));
    const fetch = stage.fetch({ limit: { concurrent: 2, waiting: 1 } });
    const calls = [fetch(URL), fetch(URL), fetch(URL)];
    await expect.poll(() => answers.length).toBe(2);
    expect(await rejection(fetch(URL))).toMatchObject({ code: 'LIMIT_REACHED' });
    expect(a.count).toBe(2);
    answers[0]?.();
    await expect.poll(() => a.count).toBe(3);
    answers[1]?.();
    answers[2]?.();
    for (const call of calls) expect(await (await call).text()).toBe('done');
  });

  it('the circuit breaker opens when too many fail, and closes when a call succeeds', async () => {
    const stage = await Stage.begin();
    let isWell = false;
    const a = await stage.serve('a', (_request, response) => response.writeHead(isWell ? 200 : 500).end());
    const fetch = stage.fetch({
      balancer: { ejection: false },
      breaker: { threshold: 0.5, windowMs: 1_000, minimumPerSecond: 1, openMs: 100 },
    });
    const call = async () => {
      try {
        const answer = await fetch(URL);
        await answer.text();
        return answer.status;
      } catch (error) {
        return (error as CallError).code;
      }
    };
    await expect.poll(call, { interval: 1 }).toBe('CIRCUIT_OPEN');
    const { count } = a;
    expect(await call()).toBe('CIRCUIT_OPEN');
    expect(a.count).toBe(count);
    isWell = true;
    await expect.poll(call, { interval: 10 }).toBe(200);
  });

  it('a service that refuses is asked less', async () => {
    const stage = await Stage.begin();
    const a = await stage.serve('a', (_request, response) => response.writeHead(429).end());
    const fetch = stage.fetch({ throttle: {} });
    let held = 0;
    for (let i = 0; i < 500; i++)
      await fetch(URL).catch((error: CallError) => {
        expect(error.code).toBe('THROTTLED');
        held++;
      });
    expect(held + a.count).toBe(500);
    expect(a.count).toBeLessThan(60);
  });
});

describe('the end', () => {
  it('waits for the calls under way, takes no more, and leaves no connection', async () => {
    const stage = await Stage.begin();
    let end = () => {};
    const a = await stage.serve('a', (_request, response) => {
      end = () => response.end('ended');
    });
    const fetch = stage.fetch();
    const arrived = once(a.server, 'request');
    const call = fetch(URL);
    await arrived;
    const closed = fetch.close();
    expect(await rejection(fetch(URL))).toMatchObject({ code: 'CLOSED' });
    end();
    expect(await (await call).text()).toBe('ended');
    await closed;
    await expect.poll(() => a.sockets.size).toBe(0);
  });

  it('lets a call under way be tried again', async () => {
    const stage = await Stage.begin();
    let refuse = () => {};
    const ill = await stage.serve('ill', (_request, response) => {
      refuse = () => response.writeHead(503).end();
    });
    const good = await stage.serve('good', undefined, { weight: 1e-6 });
    const fetch = stage.fetch({ balancer: { policy: 'weighted-round-robin' } });
    const arrived = once(ill.server, 'request');
    const call = fetch(URL);
    await arrived;
    const closed = fetch.close();
    refuse();
    expect(await (await call).text()).toBe('good');
    await closed;
    await expect.poll(() => [ill.sockets.size, good.sockets.size]).toEqual([0, 0]);
  });

  it('destroy cuts them', async () => {
    const stage = await Stage.begin();
    const a = await stage.serve('a', () => {});
    const fetch = stage.fetch({ retry: false });
    const arrived = once(a.server, 'request');
    const call = fetch(URL);
    await arrived;
    const ended = call.catch((error: unknown) => error);
    await fetch.dispatcher.destroy();
    expect(await ended).toBeInstanceOf(Error);
    await expect.poll(() => a.sockets.size).toBe(0);
  });
});

describe('a URL', () => {
  it('of another scheme is refused', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    const { dispatcher } = stage.fetch({ serviceOf: ({ hostname }) => hostname });
    const call = new Promise((_resolve, reject) => {
      dispatcher.dispatch(
        { origin: 'ftp://user-service', path: '/', method: 'GET' },
        { onRequestStart() {}, onResponseError: (_controller, error) => reject(error) },
      );
    });
    await expect(call).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'ftp://user-service: a service is called by http or https',
    });
    await expect(stage.fetch()('ftp://user-service/')).rejects.toThrow(TypeError);
  });

  it('with a port is no service’s: it is called as it stands, and says that nobody is there', async () => {
    const stage = await Stage.begin();
    await stage.serve('a');
    await expect(stage.fetch()('http://user-service.invalid:8080/')).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/u) as string },
    });
  });
});

describe('options', () => {
  it.each([
    [{ timeoutMs: -1 }, 'timeoutMs'],
    [{ retry: { attempts: 0 } }, 'retry.attempts'],
    [{ retry: { attempts: 1.5 } }, 'retry.attempts'],
    [{ retry: { budget: { ratio: Number.NaN } } }, 'retry.budget.ratio'],
    [{ breaker: { threshold: 1 } }, 'breaker.threshold'],
    [{ limit: { concurrent: 0 } }, 'limit.concurrent'],
    [{ throttle: { k: 0.5 } }, 'throttle.k'],
    [{ connections: { perInstance: 0 } }, 'connections.perInstance'],
    [{ waitForInstanceMs: Number.NaN }, 'waitForInstanceMs'],
  ])('%j are refused', async (options, field) => {
    const stage = await Stage.begin();
    expect(() => stage.fetch(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field }));
  });
});
