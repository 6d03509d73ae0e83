/**
 * One instance of `user-service`: a plain HTTP server that answers with its name and lists itself. Which registry that
 * is, and the TTL, come from the environment: `ROLLCALL_REGISTRY_TYPE=etcd`, `ROLLCALL_REGISTRATION_TTL_MS=3000` …
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

import { createRegistry } from '@rollcall/core';

const id = process.env['INSTANCE'] ?? `user-service-${process.pid}`;

const server = createServer((_request, response) => {
  response.end(id);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('the server listens on no port');

const registry = await createRegistry();
registry.onShutdown({
  stopAccepting: () => server.close(),
  finishWork: () => (server.listening ? once(server, 'close') : undefined),
});
registry.shutdownOnSignals();
registry.register({
  service: 'user-service',
  id,
  host: '127.0.0.1',
  port: address.port,
  scheme: 'http',
  metadata: { pid: String(process.pid) },
});
