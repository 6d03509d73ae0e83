/**
 * One instance of `order-service`: takes an order and confirms it. Which registry it is listed in comes from the environment:
 * `ROLLCALL_REGISTRY_TYPE=etcd` …
 */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

import { createRegistry } from '@rollcall/core';
import { announce } from '@rollcall/server';

const id = process.env['INSTANCE'] ?? `order-service-${process.pid}`;

const server = createServer((request, response) => {
  const answer = async () => {
    const order = await text(request);
    // Now and then an order takes longer than the others.
    if (order.endsWith('00')) await pause(500);
    response.end(`${id} took ${order}`);
  };
  answer().catch(() => response.destroy());
});

const registry = await createRegistry();
registry.shutdownOnSignals();
server.listen(0, '127.0.0.1');
await announce(server, { registry, service: 'order-service', id, host: '127.0.0.1' });
