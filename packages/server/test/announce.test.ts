import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { connect } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RegistryError } from '@rollcall/core';
import { announce, type HttpServerLike } from '../src/index.ts';
import { rig } from './support/rig.ts';
import { listening, portOf } from './support/servers.ts';

// oxlint-disable-next-line typescript/no-extraneous-class -- Nest wants a class
class Empty {}
Module({})(Empty);

describe('a server that is announced', () => {
  it('is listed with the port that it got, and what else is said of it', async () => {
    const { registry, listed } = await rig();
    const server = await listening((_request, response) => response.end());
    const announced = await announce(server, {
      registry,
      service: 'user-service',
      weight: 3,
      zone: 'a',
      metadata: { pid: '1' },
    });
    await announced.registration.listed();
    expect(listed()).toMatchObject([
      {
        host: '127.0.0.1',
        port: portOf(server),
        scheme: 'http',
        weight: 3,
        zone: 'a',
        metadata: { pid: '1' },
        status: 'UP',
      },
    ]);
  });

  it('may be announced before it listens', async () => {
    const { registry, listed } = await rig();
    const server = createServer();
    const announcing = announce(server, { registry, service: 'user-service' });
    expect(listed()).toEqual([]);
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await (await announcing).registration.listed();
    expect(listed()).toMatchObject([{ port: portOf(server) }]);
  });

  it('may be reached by another address and port than it listens on', async () => {
    const { registry, listed } = await rig();
    const server = await listening((_request, response) => response.end());
    const { registration } = await announce(server, {
      registry,
      service: 'user-service',
      host: 'users.internal',
      port: 80,
    });
    await registration.listed();
    expect(listed()).toMatchObject([{ host: 'users.internal', port: 80 }]);
  });

  it('has its address found where it listens on all of them', async () => {
    const { registry, listed } = await rig();
    const server = createServer().listen(0);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await (await announce(server, { registry, service: 'user-service' })).registration.listed();
    expect(listed()[0]?.host).toMatch(/^\d+\.\d+\.\d+\.\d+$|:/);
    expect(listed()[0]?.host).not.toBe('::');
  });

  it('is https where it speaks TLS, and http over HTTP/2 without', async () => {
    const { registry, listed } = await rig();
    const servers = [createHttpsServer(), createHttp2Server()];
    for (const [i, server] of servers.entries()) {
      server.listen(0, '127.0.0.1');
      onTestFinished(() => void server.close());
      // oxlint-disable-next-line no-await-in-loop
      const { registration } = await announce(server, { registry, service: 'user-service', id: String(i) });
      // oxlint-disable-next-line no-await-in-loop
      await registration.listed();
    }
    expect(listed().map(({ scheme }) => scheme)).toEqual(['https', 'http']);
  });

  it('may be an Express server', async () => {
    const { registry, listed } = await rig();
    const server = express().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await (await announce(server, { registry, service: 'user-service' })).registration.listed();
    expect(listed()).toMatchObject([{ port: portOf(server) }]);
  });

  it('may be a Fastify instance', async () => {
    const { registry, listed } = await rig();
    const app = fastify();
    onTestFinished(() => app.close());
    await app.listen({ port: 0, host: '127.0.0.1' });
    await (await announce(app, { registry, service: 'user-service' })).registration.listed();
    expect(listed()).toMatchObject([{ port: portOf(app.server), scheme: 'http' }]);
  });

  it('may be a Nest application', async () => {
    const { registry, listed } = await rig();
    const app = await NestFactory.create(Empty, { logger: false });
    onTestFinished(() => app.close());
    await app.listen(0, '127.0.0.1');
    await (await announce(app, { registry, service: 'user-service' })).registration.listed();
    const server = app.getHttpServer() as ReturnType<typeof createServer>;
    expect(listed()).toMatchObject([{ port: portOf(server) }]);
  });

  it('may be a gRPC server, with the port that it was bound to', async () => {
    const { registry, listed } = await rig();
    const server = new GrpcServer();
    onTestFinished(() => server.forceShutdown());
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, got) =>
        error ? reject(error) : resolve(got),
      );
    });
    const { registration } = await announce(server, {
      registry,
      service: 'user-service',
      host: '127.0.0.1',
      port,
    });
    await registration.listed();
    expect(listed()).toMatchObject([{ port, scheme: 'grpc' }]);
  });

  it('needs no service where the configuration lists it already', async () => {
    const server = await listening((_request, response) => response.end());
    const { registry, listed } = await rig({
      config: { service: { name: 'user-service', host: '127.0.0.1', port: portOf(server) } },
    });
    const { registration } = await announce(server, { registry });
    expect(registration).toBe(registry.self);
    await registration.listed();
    expect(listed()).toHaveLength(1);
    const report = await registry.shutdown();
    expect(report.clean).toBe(true);
    expect(server.listening).toBe(false);
  });

  it('tells as many streams as it has that it leaves, without a warning', async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { registry } = await rig();
    const server = await listening((_request, response) => response.end());
    const { leaving } = await announce(server, { registry, service: 'user-service' });
    let told = 0;
    for (let stream = 0; stream < 20; stream++) leaving.addEventListener('abort', () => told++);
    await registry.shutdown();
    expect([told, warnings]).toEqual([20, []]);
  });

  it('leaves as soon as somebody closes it, though connections are still open', async () => {
    const { registry, listed } = await rig();
    const server = await listening((_request, response) => response.write('begun'));
    const announced = await announce(server, { registry, service: 'user-service' });
    await announced.registration.listed();
    const socket = connect(portOf(server), '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
    );
    onTestFinished(() => void socket.destroy());
    await once(socket, 'data');
    server.close();
    expect(announced.leaving.aborted).toBe(true);
    await expect.poll(listed).toEqual([]);
  });

  it('leaves as soon as its application closes', async () => {
    const { registry, listed } = await rig();
    const app = fastify();
    await app.listen({ port: 0, host: '127.0.0.1' });
    await (await announce(app, { registry, service: 'user-service' })).registration.listed();
    await app.close();
    await expect.poll(listed).toEqual([]);
  });

  it('leaves as soon as a gRPC server is shut down', async () => {
    const { registry, listed } = await rig();
    const server = new GrpcServer();
    const spec = { registry, service: 'user-service', host: '127.0.0.1', port: 9_000 };
    await (await announce(server, spec)).registration.listed();
    server.forceShutdown();
    await expect.poll(listed).toEqual([]);
  });
});

describe('nothing is announced', () => {
  async function refusal(announcing: Promise<unknown>): Promise<RegistryError> {
    const error: unknown = await announcing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RegistryError);
    return error as RegistryError;
  }

  it('when the server fails to listen', async () => {
    const { registry, listed } = await rig();
    const taken = portOf(await listening(() => {}));
    const server = createServer().listen(taken, '127.0.0.1');
    const error = await refusal(announce(server, { registry, service: 'user-service' }));
    expect(error.message).toMatch(/failed to listen .*EADDRINUSE/);
    expect(error.field).toBe('server');
    expect(registry.registrations).toEqual([]);
    expect(listed()).toEqual([]);
  });

  it('when the server closes before it listens', async () => {
    const { registry } = await rig();
    const server = createServer();
    const announcing = refusal(announce(server, { registry, service: 'user-service' }));
    server.close();
    expect((await announcing).message).toContain('closed before it listened');
    expect(registry.registrations).toEqual([]);
  });

  it('when the server does not listen in time', async () => {
    const { registry } = await rig();
    const spec = { registry, service: 'user-service', listenTimeoutMs: 20 };
    expect(await refusal(announce(createServer(), spec))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('when the caller gives up the wait', async () => {
    const { registry } = await rig();
    const spec = { registry, service: 'user-service', signal: AbortSignal.abort() };
    expect(await refusal(announce(createServer(), spec))).toMatchObject({ code: 'ABORTED' });
  });

  it('when the registry shuts down before it listens', async () => {
    const { registry, listed } = await rig();
    const server = createServer();
    const announcing = refusal(announce(server, { registry, service: 'user-service' }));
    await registry.shutdown();
    expect((await announcing).code).toBe('CLOSED');
    expect(listed()).toEqual([]);
  });

  it('when it listens on a socket file', async () => {
    const { registry } = await rig();
    const dir = await mkdtemp(join(tmpdir(), 'rollcall-server-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const server = createServer().listen(join(dir, 'socket'));
    onTestFinished(() => void server.close());
    const error = await refusal(announce(server, { registry, service: 'user-service' }));
    expect(error.message).toContain('listens on no port');
  });

  it.each([
    ['an Express application without its server', express(), 'listen()'],
    ['something else', { listen: 1 }, 'must be a server'],
    ['nothing', undefined, 'must be a server'],
  ])('for %s', async (_what, server, message) => {
    const { registry } = await rig();
    const error = await refusal(
      announce(server as unknown as HttpServerLike, { registry, service: 'user-service' }),
    );
    expect(error.message).toContain(message);
    expect(error.field).toBe('server');
  });

  it('for a gRPC server without a port', async () => {
    const { registry } = await rig();
    const server = new GrpcServer() as unknown as HttpServerLike;
    expect(await refusal(announce(server, { registry, service: 'user-service', host: 'a' }))).toMatchObject({
      field: 'port',
    });
  });

  it.each([
    ['service', {}],
    ['service', { service: 'a/\u0000' }],
    ['weight', { service: 'user-service', weight: -1 }],
    ['lingerMs', { service: 'user-service', lingerMs: Number.NaN }],
    ['listenTimeoutMs', { service: 'user-service', listenTimeoutMs: 0 }],
  ])('for a bad %s, and the server is left as it was', async (field, spec) => {
    const { registry } = await rig();
    const server = await listening((_request, response) => response.end());
    expect(await refusal(announce(server, { registry, ...spec }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      field,
    });
    expect(Object.hasOwn(server, 'emit')).toBe(false);
    expect(Object.hasOwn(server, 'close')).toBe(false);
    expect(registry.registrations).toEqual([]);
  });
});
