import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { ManualClock } from '@rollcall/core/testing';
import { describe, expect, it } from 'vitest';
import {
  begin,
  follow,
  instance,
  json,
  keyOf,
  openAdapter,
  problem,
  Scripted,
  soon,
  tell,
} from './scripted-gateway.ts';

/** A gateway whose streams of events are held here. */
async function streaming(first: object = { instances: [instance('a', '1')], skipped: [] }) {
  const streams: ServerResponse[] = [];
  const gateway = await Scripted.start((_asked, response) => {
    begin(response);
    streams.push(response);
    tell(response, 'list', first);
  });
  const latest = (): ServerResponse => {
    const stream = streams.at(-1);
    if (!stream) throw new Error('nobody watches');
    return stream;
  };
  return { gateway, streams, latest };
}

describe('a watch', () => {
  it('tells a list, and then what changed', async () => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    const follower = follow(adapter, 'a');
    await expect.poll(() => [...follower.known.keys()]).toEqual(['1']);
    expect(gateway.asked[0]).toMatchObject({
      path: '/v1/namespaces/default/services/a/events',
      headers: { accept: 'text/event-stream' },
    });
    tell(latest(), 'delta', { put: [instance('a', '2')], removed: ['1'], skipped: [], revision: '8' });
    await expect.poll(() => [...follower.known.keys()]).toEqual(['2']);
    expect(follower.events).toEqual([
      { kind: 'list', instances: [instance('a', '1')], skipped: [] },
      { kind: 'delta', put: [instance('a', '2')], removed: ['1'], skipped: [], revision: '8' },
    ]);
  });

  it('takes who became unreadable for gone, and passes over what later versions tell', async () => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events.length).toBe(1);
    tell(latest(), 'weather', { put: 'rain' });
    // Fields of server-sent events that mean nothing here. No test is tried again: `retry` is how long a browser would wait to reconnect.
    latest().write('id: 1:7\ndata: {"a":1}\n\n: still here\n\nretry: 5\n\n');
    tell(latest(), 'delta', { put: [{ id: '1', host: 'h' }], removed: [7], skipped: [{ key: 'x' }] });
    await expect.poll(() => follower.events.length).toBe(2);
    expect(follower.events[1]).toMatchObject({ put: [], removed: ['1'], skipped: [{ key: 'a/1' }] });
    tell(latest(), 'list', { instances: [], skipped: [] });
    await expect.poll(() => follower.events[2]).toEqual({ kind: 'list', instances: [], skipped: [] });
  });

  it('reads events that come in pieces, also within a character', async () => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events.length).toBe(1);
    const data = JSON.stringify({ put: [instance('a', 'ü😀')], removed: [], skipped: [] });
    for (const byte of Buffer.from(`event: delta\r\ndata: ${data}\r\n\r\n`)) latest().write(Buffer.of(byte));
    await expect.poll(() => [...follower.known.keys()]).toEqual(['1', 'ü😀']);
  });

  it('begins with a full list each time, and resumes nothing', async () => {
    const { gateway } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    for (let times = 0; times < 2; times++) {
      const { value } = await adapter.watch(keyOf('a'), soon())[Symbol.asyncIterator]().next();
      expect(value).toMatchObject({ kind: 'list' });
    }
    expect(gateway.asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, undefined]);
  });

  it('that begins with a change is an error', async () => {
    const gateway = await Scripted.start((_asked, response) => {
      begin(response);
      tell(response, 'delta', { put: [], removed: [], skipped: [] });
    });
    const adapter = await openAdapter({ urls: [gateway.url] });
    expect(await follow(adapter, 'a').ended).toMatchObject({ code: 'PROTOCOL' });
  });

  it.each([
    ['is no JSON', '<html>'],
    ['is another JSON', '[]'],
    ['has no instances', '{"skipped":[]}'],
  ])('ends when an event %s', async (_what, data) => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events.length).toBe(1);
    latest().write(`event: list\ndata: ${data}\n\n`);
    expect(await follower.ended).toMatchObject({ code: 'PROTOCOL' });
  });

  it('ends by the reason that the gateway gives', async () => {
    for (const [status, code] of [
      [401, 'UNAUTHENTICATED'],
      [403, 'PERMISSION_DENIED'],
      [503, 'UNAVAILABLE'],
    ] as const) {
      const { gateway, latest } = await streaming();
      const adapter = await openAdapter({ urls: [gateway.url] });
      const follower = follow(adapter, 'a');
      await expect.poll(() => follower.events.length).toBe(1);
      tell(latest(), 'end', { type: 'about:blank', title: 'The end', status, detail: 'the token expired' });
      const error = await follower.ended;
      expect(error).toMatchObject({ code });
      expect(String(error)).toContain('the token expired');
    }
  });

  it('ends UNAVAILABLE when the stream ends without a reason, or is cut', async () => {
    for (const end of [
      (response: ServerResponse) => response.end(),
      (response: ServerResponse) => response.destroy(),
      (response: ServerResponse) => response.end('event: list\ndata: {"instances":[],"skip'),
    ]) {
      const { gateway, latest } = await streaming();
      const adapter = await openAdapter({ urls: [gateway.url] });
      const follower = follow(adapter, 'a');
      await expect.poll(() => follower.events.length).toBe(1);
      end(latest());
      expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
      expect(follower.events).toHaveLength(1);
    }
  });

  it('ends when nothing has come for 30 s, and a comment is a sign of life', async () => {
    const clock = new ManualClock();
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] }, { clock });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events.length).toBe(1);
    await clock.advance(29_000);
    latest().write(': here\n\n');
    tell(latest(), 'delta', { put: [instance('a', '2')], removed: [], skipped: [] });
    await expect.poll(() => follower.events.length).toBe(2);
    await clock.advance(29_000);
    expect(follower.known.size).toBe(2);
    await clock.advance(2_000);
    expect(await follower.ended).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('nothing came for 30 s') as string,
    });
  });

  it('ends by its signal, and closes its connection', async () => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    const stop = new AbortController();
    const watch = adapter.watch(keyOf('a'), stop)[Symbol.asyncIterator]();
    await watch.next();
    const closed = once(latest(), 'close');
    const next = watch.next();
    stop.abort();
    await expect(next).rejects.toMatchObject({ code: 'ABORTED' });
    await closed;
  });

  it('ends when its reader leaves, and when the adapter is closed', async () => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    for await (const event of adapter.watch(keyOf('a'), soon())) {
      expect(event.kind).toBe('list');
      break;
    }
    if (!latest().closed) await once(latest(), 'close');
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events.length).toBe(1);
    await adapter.close();
    expect(await follower.ended).toMatchObject({ code: 'CLOSED' });
    if (!latest().closed) await once(latest(), 'close');
  });

  it('of something that isn’t a stream is an error, and closes its connection', async () => {
    const responses: ServerResponse[] = [];
    const gateway = await Scripted.start((_asked, response) => {
      responses.push(response);
      // It goes on, and never ends.
      response.writeHead(200, { 'content-type': 'text/html' }).write('<html>');
    });
    const adapter = await openAdapter({ urls: [gateway.url] });
    expect(await follow(adapter, 'a').ended).toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('text/html') as string,
    });
    await expect.poll(() => responses[0]?.closed).toBe(true);
  });

  it('takes no event that is larger than allowed', async () => {
    const { gateway, latest } = await streaming();
    const adapter = await openAdapter({ urls: [gateway.url] });
    const follower = follow(adapter, 'a');
    await expect.poll(() => follower.events.length).toBe(1);
    const piece = 'x'.repeat(8 * 1024 * 1024);
    const stream = latest();
    stream.on('error', () => {});
    stream.write('event: list\ndata: ');
    for (let pieces = 0; pieces < 9; pieces++) stream.write(piece);
    expect(await follower.ended).toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('an event is larger than 67108864 characters') as string,
    });
  }, 20_000);

  it('goes to the next gateway when this one leaves or falls silent', async () => {
    const clock = new ManualClock();
    const [one, two] = [await streaming(), await streaming()];
    const adapter = await openAdapter({ urls: [one.gateway.url, two.gateway.url] }, { clock });
    const first = follow(adapter, 'a');
    await expect.poll(() => first.events.length).toBe(1);
    tell(one.latest(), 'end', { title: 'The gateway leaves', status: 503 });
    await first.ended;
    const second = follow(adapter, 'a');
    await expect.poll(() => second.events.length).toBe(1);
    expect([one.streams.length, two.streams.length]).toEqual([1, 1]);
    await clock.advance(31_000);
    await second.ended;
    const third = follow(adapter, 'a');
    await expect.poll(() => third.events.length).toBe(1);
    expect([one.streams.length, two.streams.length]).toEqual([2, 1]);
  });

  it('that is refused says why', async () => {
    const gateway = await Scripted.start((_asked, response) =>
      problem(response, 403, { code: 'PERMISSION_DENIED', detail: 'alice may not watch payments' }),
    );
    const adapter = await openAdapter({ urls: [gateway.url] });
    expect(await follow(adapter, 'a').ended).toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('alice may not watch payments') as string,
    });
  });
});

describe('a watch of the services', () => {
  it('tells every list', async () => {
    const streams: ServerResponse[] = [];
    const gateway = await Scripted.start((_asked, response) => {
      begin(response);
      streams.push(response);
      tell(response, 'services', { services: ['a'] });
    });
    const adapter = await openAdapter({ urls: [gateway.url] });
    const services = adapter.watchServices('default', soon())[Symbol.asyncIterator]();
    expect(await services.next()).toMatchObject({ value: ['a'] });
    expect(gateway.lines).toEqual(['GET /v1/namespaces/default/events']);
    const [stream] = streams;
    if (stream) tell(stream, 'services', { services: ['a', 'b'] });
    expect(await services.next()).toMatchObject({ value: ['a', 'b'] });
    if (stream) tell(stream, 'services', { services: [7] });
    await expect(services.next()).rejects.toMatchObject({ code: 'PROTOCOL' });
  });
});

describe('names of services', () => {
  it('are read as they are', async () => {
    const gateway = await Scripted.start((_asked, response) => json(response, { services: ['a', 'b/c'] }));
    const adapter = await openAdapter({ urls: [gateway.url] });
    expect(await adapter.listServices('blue/green', soon())).toEqual(['a', 'b/c']);
    expect(gateway.lines).toEqual(['GET /v1/namespaces/blue%2Fgreen/services']);
  });
});
