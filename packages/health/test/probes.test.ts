import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { defineInstance, type ServiceInstance } from '@rollcall/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpProbe, tcpProbe } from '../src/index.ts';

const soon = (ms = 2_000) => AbortSignal.timeout(ms);

async function listening(server: Server): Promise<ServiceInstance> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return defineInstance({ service: 'users', host: '127.0.0.1', port });
}

async function answering(answer: RequestListener): Promise<ServiceInstance> {
  const server = createServer(answer);
  onTestFinished(() => server.closeAllConnections());
  return await listening(server);
}

async function closedPort(): Promise<ServiceInstance> {
  const server = createTcpServer();
  const instance = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return instance;
}

describe('over HTTP', () => {
  it.each([200, 204, 299])('a status of %s is well', async (status) => {
    const instance = await answering((_request, response) => response.writeHead(status).end('fine'));
    await expect(httpProbe()(instance, soon())).resolves.toBeUndefined();
  });

  it.each([301, 404, 500, 503])('a status of %s is not, and is told', async (status) => {
    const instance = await answering((_request, response) => response.writeHead(status).end());
    await expect(httpProbe({ path: '/ready' })(instance, soon())).rejects.toThrow(
      `it answered ${status} to GET /ready`,
    );
  });

  it('asks with the path and the headers that are given, each time over a new connection', async () => {
    const asked: string[] = [];
    const ports = new Set<number | undefined>();
    const instance = await answering((request, response) => {
      asked.push(`${request.method} ${request.url} ${String(request.headers['x-token'])}`);
      ports.add(request.socket.remotePort);
      response.end();
    });
    const probe = httpProbe({ path: '/health?deep=1', headers: { 'x-token': 't' } });
    await probe(instance, soon());
    await probe(instance, soon());
    expect(asked).toEqual(['GET /health?deep=1 t', 'GET /health?deep=1 t']);
    expect(ports.size).toBe(2);
  });

  it('what counts as well can be said', async () => {
    const instance = await answering((_request, response) => response.writeHead(429).end());
    await expect(httpProbe({ isWell: (status) => status < 500 })(instance, soon())).resolves.toBeUndefined();
  });

  it('does not wait for a body that never ends', async () => {
    const instance = await answering((_request, response) => response.writeHead(200).write('.'));
    await expect(httpProbe()(instance, soon())).resolves.toBeUndefined();
  });

  it('nobody there, garbage, or silence, is a failure', async () => {
    await expect(httpProbe()(await closedPort(), soon())).rejects.toThrow(/ECONNREFUSED/u);
    const garbage = await listening(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')));
    await expect(httpProbe()(garbage, soon())).rejects.toThrow(/Parse Error|hang up/u);
    const silent = await answering(() => {});
    await expect(httpProbe()(silent, soon(100))).rejects.toThrow(/abort/u);
  });

  it('an instance of the scheme https is spoken to so', async () => {
    const plain = await answering((_request, response) => response.end());
    const secure = defineInstance({ ...plain, scheme: 'https' });
    await expect(httpProbe()(secure, soon())).rejects.toThrow(/SSL|EPROTO|wrong version/iu);
  });

  it('a path without a slash is refused', () => {
    expect(() => httpProbe({ path: 'health' })).toThrow(/path must begin with a slash/u);
  });
});

describe('over TCP', () => {
  it('who takes a connection is well', async () => {
    const instance = await listening(createTcpServer((socket) => socket.on('error', () => {})));
    await expect(tcpProbe()(instance, soon())).resolves.toBeUndefined();
  });

  it('who doesn’t, isn’t', async () => {
    await expect(tcpProbe()(await closedPort(), soon())).rejects.toThrow(/ECONNREFUSED/u);
  });

  it('ends with its signal', async () => {
    const instance = await closedPort();
    await expect(tcpProbe()(instance, AbortSignal.abort())).rejects.toThrow(/abort/u);
  });
});
