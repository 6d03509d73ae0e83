import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { onTestFinished } from 'vitest';

/** The URL of something that answers HTTP, and isn't Eureka. It ends with the test. */
export async function answering(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await serve(server);
  return `http://127.0.0.1:${portOf(server)}/eureka`;
}

export async function serve(server: Server): Promise<void> {
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

export function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}
