import { once } from 'node:events';
import { Agent, request as httpRequest, type Server } from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ClientHttp2Session,
} from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, credentials, Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import fastify from 'fastify';
import { Pool } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ShutdownReport } from '@rollcall/core';
import { announce, type Announced, type AnnounceSpec, type HttpServerLike } from '../src/index.ts';
import { get, Load, loadUntilGone } from './support/load.ts';
import { rig, type Rig, type RigOptions } from './support/rig.ts';
import { listening, portOf } from './support/servers.ts';

const WORK_MS = 5;

/** Express and Nest have theirs in processes of their own, see shutdown.real.test.ts: vitest loads a dependency of theirs wrongly. */
const KINDS: Readonly<Record<string, () => Promise<HttpServerLike>>> = {
  'node:http': () => listening((_request, response) => void setTimeout(() => response.end('done'), WORK_MS)),
  Fastify: async () => {
    const app = fastify();
    app.get('/', async () => {
      await delay(WORK_MS);
      return 'done';
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return app;
  },
};

const asIs = (bytes: Buffer): Buffer => bytes;

const READ = {
  read: {
    path: '/users.Users/Read',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
} as const;

interface Announcing extends Rig {
  readonly announced: Announced;
  readonly host: string;
  readonly port: number;
}

async function announcing(
  server: HttpServerLike,
  { spec = {}, ...options }: RigOptions & { readonly spec?: Partial<AnnounceSpec> } = {},
): Promise<Announcing> {
  const made = await rig(options);
  const announced = await announce(server, { registry: made.registry, service: 'user-service', ...spec });
  await announced.registration.listed();
  const { host, port } = announced.registration.instance;
  return { ...made, announced, host, port };
}

function errorOf(report: ShutdownReport, step: string): string | undefined {
  return report.steps.find((one) => one.step === step)?.error?.message;
}

describe.each(Object.entries(KINDS))('a server of %s that leaves under load', (_kind, make) => {
  it('fails none of its callers', async () => {
    const { registry, another, listed } = await announcing(await make());
    const load = await loadUntilGone(await another(), 8);
    await expect.poll(() => load.sent).toBeGreaterThan(100);
    const report = await registry.shutdown();
    await load.ended;
    expect(load.failed).toEqual([]);
    expect(load.connections.size).toBeLessThan(load.sent / 2);
    expect(report.clean).toBe(true);
    expect(listed()).toEqual([]);
  });
});

describe('the way out', () => {
  it('asks callers to come back over another connection only when they can know better', async () => {
    const server = await listening((_request, response) => response.end('done'));
    const { registry, announced, host, port } = await announcing(server);
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    expect((await get({ host, port }, { agent })).connection).toBe('keep-alive');
    const leaving = once(announced.leaving, 'abort');
    const shutdown = registry.shutdown();
    await leaving;
    expect(server.listening).toBe(true);
    expect((await get({ host, port }, { agent })).connection).toBe('close');
    await shutdown;
  });

  it('leaves an undici pool without a failed request', async () => {
    const server = await listening(
      (_request, response) => void setTimeout(() => response.end('done'), WORK_MS),
    );
    const { registry, host, port, listed } = await announcing(server);
    const pool = new Pool(`http://${host}:${port}`, { connections: 4 });
    onTestFinished(() => pool.close());
    const load = new Load(4, async (own) => {
      while (listed().length > 0) {
        // oxlint-disable-next-line no-await-in-loop
        const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
        // oxlint-disable-next-line no-await-in-loop
        await body.dump();
        expect(statusCode).toBe(200);
        own.sent++;
      }
    });
    await expect.poll(() => load.sent).toBeGreaterThan(50);
    await registry.shutdown();
    await load.ended;
  });

  it('answers a request that comes over an idle connection after the server has stopped accepting', async () => {
    const server = await listening((_request, response) => response.end('done'));
    const { registry, host, port } = await announcing(server, { spec: { lingerMs: 2_000 } });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await get({ host, port }, { agent });
    const shutdown = registry.shutdown();
    await expect.poll(() => server.listening, { interval: 5 }).toBe(false);
    const answer = await get({ host, port }, { agent });
    expect(answer).toEqual({ body: 'done', connection: 'close' });
    expect((await shutdown).clean).toBe(true);
  });

  it('closes idle and unused connections after a while, and is at its end then', async () => {
    const server = await listening((_request, response) => response.end('done'));
    server.keepAliveTimeout = 60_000;
    const { registry, host, port } = await announcing(server, { spec: { lingerMs: 100 } });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await get({ host, port }, { agent });
    const unused = connect(port, host);
    await once(unused, 'connect');
    const ended = once(unused, 'close');
    unused.resume();
    const began = performance.now();
    const report = await registry.shutdown();
    await ended;
    expect(report.clean).toBe(true);
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('finishes a slow request', async () => {
    const server = await listening(
      (_request, response) => void setTimeout(() => response.end('slow'), 1_000),
    );
    const { registry, announced, host, port } = await announcing(server, { spec: { lingerMs: 50 } });
    const slow = get({ host, port });
    await expect.poll(() => announced.underWay).toBe(1);
    const report = await registry.shutdown();
    expect((await slow).body).toBe('slow');
    expect(report.clean).toBe(true);
    expect(announced.cut).toBe(0);
    expect(announced.underWay).toBe(0);
  });

  it('lets a caller go on over a connection that an answer under way had promised to keep', async () => {
    const server = await listening((request, response) => {
      if (request.url !== '/stream') {
        response.end('done');
        return;
      }
      response.write('begun');
      setTimeout(() => response.end(), 700);
    });
    const { registry, announced, host, port } = await announcing(server, { spec: { lingerMs: 200 } });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const stream = get({ host, port }, { agent, path: '/stream' });
    await expect.poll(() => announced.underWay).toBe(1);
    const shutdown = registry.shutdown();
    expect((await stream).body).toBe('begun');
    expect(server.listening).toBe(false);
    expect((await get({ host, port }, { agent })).body).toBe('done');
    expect((await shutdown).clean).toBe(true);
  });

  it('cuts what outlives the deadline, and reports how many', async () => {
    const server = await listening((_request, response) => response.write('never ends'));
    const { registry, announced, host, port, listed } = await announcing(server, {
      shutdown: { deadlineMs: 1_500 },
    });
    const endless = [1, 2].map(() => get({ host, port }).catch((error: unknown) => String(error)));
    await expect.poll(() => announced.underWay).toBe(2);
    const began = performance.now();
    const report = await registry.shutdown();
    expect(performance.now() - began).toBeLessThan(1_600);
    expect(report.clean).toBe(false);
    expect(errorOf(report, 'finish-work')).toMatch(/2 requests had to be cut/);
    expect(announced.cut).toBe(2);
    for (const end of await Promise.all(endless)) expect(end).toMatch(/aborted|hang up|ECONNRESET/);
    expect(server.listening).toBe(false);
    expect(listed()).toEqual([]);
  });

  it('waits for a WebSocket that ends when it hears that the server leaves, and cuts one that does not', async () => {
    const server = await listening((_request, response) => response.end());
    const { registry, announced, host, port } = await announcing(server, { shutdown: { deadlineMs: 1_500 } });
    server.on('upgrade', (request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
      if (request.url === '/polite') announced.leaving.addEventListener('abort', () => socket.end());
    });
    const open = (path: string) =>
      new Promise<{ readonly closed: Promise<unknown> }>((resolve, reject) => {
        const call = httpRequest({
          host,
          port,
          path,
          headers: { connection: 'upgrade', upgrade: 'websocket' },
        });
        call.on('upgrade', (_response, socket) => {
          socket.on('error', () => {});
          resolve({ closed: once(socket, 'close') });
          socket.on('end', () => socket.end());
          socket.resume();
        });
        call.on('error', reject);
        call.end();
      });
    const [polite, rude] = await Promise.all([open('/polite'), open('/rude')]);
    const report = await registry.shutdown();
    await Promise.all([polite.closed, rude.closed]);
    expect(errorOf(report, 'finish-work')).toContain('1 request had to be cut');
  });

  it('goes its way when the registry is down, and says so', async () => {
    const server = await listening((_request, response) => void setTimeout(() => response.end('slow'), 600));
    const made = await announcing(server, {
      config: { registry: { type: 'memory', requestTimeoutMs: 300 } },
    });
    const slow = get(made.announced.registration.instance);
    await expect.poll(() => made.announced.underWay).toBe(1);
    made.store.setOutage(true);
    const report = await made.registry.shutdown();
    expect((await slow).body).toBe('slow');
    expect(report.clean).toBe(false);
    expect(report.steps.filter(({ error }) => error).map(({ step }) => step)).toEqual([
      'drain',
      'deregister',
    ]);
    expect(server.listening).toBe(false);
  });

  it('leaves nothing behind on the server', async () => {
    const server = await listening((_request, response) => response.end());
    const { registry } = await announcing(server, { spec: { lingerMs: 50 } });
    await registry.shutdown();
    expect(Object.hasOwn(server, 'emit')).toBe(false);
    expect(Object.hasOwn(server, 'close')).toBe(false);
    expect(Object.hasOwn(server, 'closeIdleConnections')).toBe(false);
  });

  it('ends a Fastify application after its last answer', async () => {
    const app = fastify();
    const order: string[] = [];
    app.get('/', async () => {
      await delay(500);
      order.push('answer');
      return 'slow';
    });
    app.addHook('preClose', async () => void order.push('preClose'));
    app.addHook('onClose', async () => void order.push('onClose'));
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { registry, announced, host, port } = await announcing(app, { spec: { lingerMs: 50 } });
    const slow = get({ host, port });
    await expect.poll(() => announced.underWay).toBe(1);
    expect((await registry.shutdown()).clean).toBe(true);
    expect((await slow).body).toBe('slow');
    expect(order).toEqual(['answer', 'preClose', 'onClose']);
  });

  it('says that a hook of the application failed', async () => {
    const app = fastify();
    app.addHook('onClose', async () => {
      throw new Error('the pool would not end');
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { registry } = await announcing(app, { spec: { lingerMs: 50 } });
    expect(errorOf(await registry.shutdown(), 'finish-work')).toContain('the pool would not end');
  });

  it('takes every server of the process with it', async () => {
    const [one, other] = (await Promise.all(
      [1, 2].map(() => listening((_q, response) => response.end())),
    )) as [Server, Server];
    const { registry } = await announcing(one);
    await announce(other, { registry, service: 'admin-service' });
    expect((await registry.shutdown()).clean).toBe(true);
    expect([one.listening, other.listening]).toEqual([false, false]);
  });
});

describe('an HTTP/2 server that leaves', () => {
  async function http2(ms: number) {
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 });
      if (headers[':path'] !== '/endless') setTimeout(() => stream.end('done'), ms);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  function call(session: ClientHttp2Session, path = '/'): Promise<string> {
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path });
      let body = '';
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => (body += text));
      stream.on('end', () => resolve(body));
      stream.on('error', reject);
    });
  }

  it('fails no request, and tells by GOAWAY', async () => {
    const server = await http2(WORK_MS);
    const { registry, listed } = await announcing(server);
    const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
    const goneAway = once(session, 'goaway');
    const load = new Load(3, async (own) => {
      while (listed().length > 0) {
        // oxlint-disable-next-line no-await-in-loop
        expect(await call(session)).toBe('done');
        own.sent++;
      }
    });
    await expect.poll(() => load.sent).toBeGreaterThan(50);
    const report = await registry.shutdown();
    await load.ended;
    expect((await goneAway)[0]).toBe(0);
    expect(report.clean).toBe(true);
  });

  it('finishes its streams, and cuts those that outlive the deadline', async () => {
    const server = await http2(800);
    const { registry, announced } = await announcing(server, { shutdown: { deadlineMs: 2_500 } });
    const session = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
    const slow = call(session);
    const endless = call(session, '/endless').catch((error: unknown) => String(error));
    await expect.poll(() => announced.underWay).toBe(2);
    const report = await registry.shutdown();
    expect(await slow).toBe('done');
    expect(errorOf(report, 'finish-work')).toContain('1 request had to be cut');
    await endless;
  });
});

describe('a gRPC server on its way out', () => {
  it('says that calls were cut, though the process stood still until after the deadline', async () => {
    const server = new GrpcServer();
    const reached = new Promise<void>((resolve) => server.addService(READ, { read: () => resolve() }));
    const port = await promisify(server.bindAsync.bind(server))(
      '127.0.0.1:0',
      ServerCredentials.createInsecure(),
    );
    const { registry } = await rig({ shutdown: { deadlineMs: 1_500 } });
    await announce(server, { registry, service: 'user-service', port });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    onTestFinished(() => client.close());
    const ended = new Promise((resolve) => {
      client.makeUnaryRequest(READ.read.path, asIs, asIs, Buffer.alloc(0), (error) => resolve(error?.code));
    });
    await reached;
    registry.onShutdown({
      finishWork: (_signal, leftMs) => {
        const end = performance.now() + 2 * leftMs;
        setTimeout(() => {
          while (performance.now() < end);
        }, leftMs / 2);
      },
    });
    const report = await registry.shutdown();
    expect(errorOf(report, 'finish-work')).toContain('the calls still under way had to be cut');
    expect([status.CANCELLED, status.UNAVAILABLE]).toContain(await ended);
  });
});
