/** `order-service`, over HTTP. For an order it asks `user-service` for the names of who has ordered. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { credentials } from '@grpc/grpc-js';
import { createRegistry } from '@rollcall/core';
import { registerRollcall } from '@rollcall/grpc';
import { tracedCalls } from '../../src/grpc/index.ts';
import { serving, startTracing, tell } from './traced-program.ts';
import { type UsersClient, UsersClientConstructor } from './users.ts';

startTracing('order-service');
const registry = await createRegistry();
registerRollcall(registry);
const users = new UsersClientConstructor('rollcall:///user-service', credentials.createInsecure(), {
  interceptors: [tracedCalls()],
}) as unknown as UsersClient;

async function order(): Promise<string> {
  const names: string[] = [];
  for await (const name of users.names('42')) names.push(name as string);
  return `for ${names.join(' ')}`;
}

const server = createServer((request, response) => {
  serving(`${request.method} /orders/{id}`, request.headers, order).then(
    (text) => response.end(text),
    (error: Error) => response.writeHead(502).end(error.message),
  );
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
await registry.register({ service: 'order-service', id: 'order-1', host: '127.0.0.1', port }).listed();
tell('listed');
