/** What a browser talks to: it asks the registry which services there are, and `order-service` for an order. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRegistry } from '@rollcall/core';
import { adapter } from '@rollcall/gateway-client';
import { createFetch } from '@rollcall/http';
import { traced, tracedAdapter } from '../../src/index.ts';
import { serving, startTracing, tell } from './traced-program.ts';

startTracing('web');
const registry = await createRegistry({ adapter: tracedAdapter(adapter) });
// What the first request to the registry takes besides, to connect, is then in no request's trace.
await registry.services();
const fetch = createFetch(registry, traced({ timeoutMs: 10_000 }));

async function page(): Promise<string> {
  const services = await registry.services();
  const answer = await fetch('http://order-service/orders/7');
  return `${services.join(' and ')}: order 7 is ${await answer.text()}`;
}

const server = createServer((request, response) => {
  serving(`${request.method} /`, request.headers, page).then(
    (text) => response.end(text),
    (error: Error) => response.writeHead(502).end(error.message),
  );
}).listen(0, '127.0.0.1');
await once(server, 'listening');
tell(String((server.address() as AddressInfo).port));
