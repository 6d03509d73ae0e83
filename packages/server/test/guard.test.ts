import { once } from 'node:events';
import { request, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect } from 'node:net';
import { Server as GrpcServer } from '@grpc/grpc-js';
import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { guard, type GuardOptions, type HttpServerLike } from '../src/index.ts';
import { listening, portOf } from './support/servers.ts';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
}

function ask(port: number, path = '/', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    call.on('error', reject);
    call.end();
  });
}

/** A server with room for one request, which is there already. */
async function full(options: GuardOptions = {}, answer?: RequestListener) {
  const waiting: ServerResponse[] = [];
  const seen: string[] = [];
  const server = await listening((asked, response) => {
    seen.push(asked.url ?? '');
    if (asked.url === '/slow') waiting.push(response);
    else if (answer) answer(asked, response);
    else response.end('done');
  });
  const guarded = guard(server, { initialLimit: 1, minLimit: 1, ...options });
  const port = portOf(server);
  const slow = ask(port, '/slow');
  await expect.poll(() => guarded.inFlight).toBe(1);
  const finish = async (): Promise<Answer> => {
    waiting.pop()?.end('done');
    return await slow;
  };
  return { server, guarded, port, seen, slow, finish };
}

describe('a server that is guarded', () => {
  it('refuses what it has no room for, before the handler sees it', async () => {
    const { guarded, port, seen, finish } = await full();
    const { status, headers } = await ask(port);
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '1', 'x-rollcall-shed': '1', 'content-length': '0' });
    expect(seen).toEqual(['/slow']);
    expect(guarded).toMatchObject({ limit: 1, inFlight: 1, admitted: 1, shed: 1 });
    expect((await finish()).status).toBe(200);
  });

  it('has room again when an answer is out', async () => {
    const { guarded, port, finish } = await full();
    await finish();
    await expect.poll(() => guarded.inFlight).toBe(0);
    expect((await ask(port)).status).toBe(200);
    expect(guarded.shed).toBe(0);
  });

  it('has room again when a caller went away', async () => {
    const server = await listening(() => {});
    const guarded = guard(server, { initialLimit: 1, minLimit: 1 });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await expect.poll(() => guarded.inFlight).toBe(1);
    socket.destroy();
    await expect.poll(() => guarded.inFlight).toBe(0);
  });

  it('never refuses its health check, with a query or without, and does not count it', async () => {
    const { guarded, port, finish } = await full({ exempt: ['/health'] });
    expect((await ask(port, '/health')).status).toBe(200);
    expect((await ask(port, '/health?full')).status).toBe(200);
    expect((await ask(port, '/healthy')).status).toBe(503);
    expect(guarded.admitted).toBe(1);
    await finish();
  });

  it('never refuses what a function exempts', async () => {
    const { port, finish } = await full({ exempt: ({ headers }) => headers['x-first'] !== undefined });
    expect((await ask(port, '/', { 'x-first': '1' })).status).toBe(200);
    expect((await ask(port)).status).toBe(503);
    await finish();
  });

  it('says how long to wait', async () => {
    const { port, finish } = await full({ retryAfterS: 7 });
    expect((await ask(port)).headers['retry-after']).toBe('7');
    await finish();
  });

  it('counts a request that waits for 100 Continue once, and refuses it too', async () => {
    const { server, guarded, port, finish } = await full();
    server.on('checkContinue', (asked: IncomingMessage, response: ServerResponse) => {
      response.writeContinue();
      server.emit('request', asked, response);
    });
    expect((await ask(port, '/', { expect: '100-continue' })).status).toBe(503);
    await finish();
    await expect.poll(() => guarded.inFlight).toBe(0);
    expect((await ask(port, '/', { expect: '100-continue' })).status).toBe(200);
    expect(guarded.admitted).toBe(2);
  });

  it('learns nothing from an answer that failed', async () => {
    const server = await listening((asked, response) => {
      response.statusCode = asked.url === '/broken' ? 500 : 200;
      response.end();
    });
    const guarded = guard(server, { windowSamples: 1, windowMs: 1 });
    // The first window may end at the second answer.
    await ask(portOf(server), '/broken');
    await ask(portOf(server), '/broken');
    await expect.poll(() => guarded.inFlight).toBe(0);
    expect(guarded.latencyMs).toBeUndefined();
    await ask(portOf(server));
    await ask(portOf(server));
    await expect.poll(() => guarded.latencyMs).toBeGreaterThan(0);
    expect(guarded.minLatencyMs).toBeGreaterThan(0);
  });

  it('may be a Fastify instance', async () => {
    const app = fastify();
    onTestFinished(() => app.close());
    app.get('/', () => 'done');
    const guarded = guard(app, { initialLimit: 1, minLimit: 1 });
    await app.listen({ port: 0, host: '127.0.0.1' });
    expect((await ask(portOf(app.server))).status).toBe(200);
    expect(guarded.admitted).toBe(1);
  });

  it('may speak HTTP/2', async () => {
    const server = createHttp2Server((_request, response) => void response.end('done'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const guarded = guard(server, { exempt: ['/health'] });
    const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
    onTestFinished(() => {
      session.close();
      server.close();
    });
    const stream = session.request({ ':path': '/' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    stream.resume();
    expect(headers[':status']).toBe(200);
    expect(guarded.admitted).toBe(1);
    await expect.poll(() => guarded.inFlight).toBe(0);
  });

  it('lets everything in again when the guard is closed', async () => {
    const { server, guarded, port, finish } = await full();
    guarded.close();
    expect((await ask(port)).status).toBe(200);
    expect(Object.hasOwn(server, 'emit')).toBe(false);
    await finish();
  });
});

describe('nothing is guarded', () => {
  it.each([
    ['server', () => guard(new GrpcServer() as unknown as HttpServerLike)],
    ['server', () => guard({} as HttpServerLike)],
    ['retryAfterS', () => guard(createHttp2Server(), { retryAfterS: 0.5 })],
    ['minLimit', () => guard(createHttp2Server(), { minLimit: 0 })],
  ])('for a bad %s', (field, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field }));
  });
});
