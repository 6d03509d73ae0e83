/**
 * One instance of `user-service`, of the kind that `KIND` names, on the registry that the environment names. It answers after some
 * milliseconds; `/slow` after a second, `/endless` never. Run by shutdown.real.test.ts.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Server as GrpcServer, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import { createRegistry } from '@rollcall/core';
import express from 'express';
import fastify from 'fastify';
import { announce, type Announced } from '../../src/index.ts';

const WORK_MS = 5;
const SLOW_MS = 1_000;
const tell = (text: string): void => void process.send?.(text);

const registry = await createRegistry();
registry.on((event) => {
  if (event.type === 'shutdown') tell(`${event.step}${event.error ? `: ${event.error.message}` : ''}`);
});
registry.shutdownOnSignals();
const spec = { registry, service: 'user-service', host: '127.0.0.1', lingerMs: 200 };

async function work(path: string | undefined): Promise<string> {
  if (path === '/endless') await new Promise(() => {});
  await delay(path === '/slow' ? SLOW_MS : WORK_MS);
  return 'done';
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  void work(request.url).then((text) => response.end(text));
}

const KINDS: Readonly<Record<string, () => Promise<Announced>>> = {
  http: () => announce(createServer(answer).listen(0), spec),
  https: () => {
    const [cert, key] = [process.env['CERT'] ?? '', process.env['KEY'] ?? ''].map((file) =>
      readFileSync(file),
    );
    return announce(createHttpsServer({ cert, key }, answer).listen(0), spec);
  },
  express: () => {
    const app = express();
    app.get('/{*path}', (request, response) => {
      void work(request.url).then((text) => response.send(text));
    });
    return announce(app.listen(0), spec);
  },
  fastify: async () => {
    const app = fastify();
    app.get('/*', (request) => work(request.url));
    app.addHook('onClose', async () => tell('onClose'));
    await app.listen({ port: 0, host: '127.0.0.1' });
    return announce(app, spec);
  },
  nest: async () => {
    class Users {
      read(request: IncomingMessage): Promise<string> {
        return work(request.url);
      }
      onModuleDestroy(): void {
        tell('onModuleDestroy');
      }
    }
    Controller()(Users);
    Get('{*path}')(Users.prototype, 'read', Object.getOwnPropertyDescriptor(Users.prototype, 'read') ?? {});
    // What the compiler makes of `@Req()`, which isn't plain JavaScript.
    const { Req } = await import('@nestjs/common');
    Req()(Users.prototype, 'read', 0);
    // oxlint-disable-next-line typescript/no-extraneous-class -- Nest wants a class
    class Application {}
    Module({ controllers: [Users] })(Application);
    const app = await NestFactory.create(Application, { logger: false });
    await app.listen(0, '127.0.0.1');
    return announce(app, spec);
  },
  grpc: async () => {
    const server = new GrpcServer();
    const read: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      // oxlint-disable-next-line promise/no-callback-in-promise -- grpc-js has callbacks
      void work(call.request.toString()).then((text) => callback(null, Buffer.from(text)));
    };
    const asIs = (bytes: Buffer): Buffer => bytes;
    server.addService(
      {
        read: {
          path: '/users.Users/Read',
          requestStream: false,
          responseStream: false,
          requestSerialize: asIs,
          requestDeserialize: asIs,
          responseSerialize: asIs,
          responseDeserialize: asIs,
        },
      },
      { read },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return announce(server, { ...spec, port });
  },
};

const kind = process.env['KIND'] ?? 'http';
const announced = await KINDS[kind]?.();
await announced?.registration.listed();
announced?.leaving.addEventListener('abort', () => tell('leaving'));
tell('listed');
