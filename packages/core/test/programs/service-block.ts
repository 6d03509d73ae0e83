/** A process that its configuration alone lists: it is told only where its port is. Run by create-registry.test.ts. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRegistry } from '@rollcall/core';

const registry = await createRegistry();
registry.on((event) => {
  if (event.type === 'registration') process.send?.(`registration ${event.to}`);
  if (event.type === 'shutdown') process.send?.(`shutdown ${event.step}${event.error ? ' failed' : ''}`);
});

const server = createServer((_request, response) => {
  // A slow answer: it is under way when the signal comes.
  setTimeout(() => response.end('done'), 500);
});
registry.onShutdown({
  stopAccepting: () => {
    server.close();
    server.closeIdleConnections();
  },
  finishWork: () => once(server, 'close'),
});
process.send?.('started');
await once(process, 'message');
server.listen(registry.config.service?.port, '127.0.0.1');
