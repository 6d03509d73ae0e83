import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics.ts';
import { problem } from '../problem.ts';

export interface OperationsOptions {
  readonly metrics: Metrics;
  /** Rejects while the gateway can't do its work. */
  readonly checkReady: () => Promise<void>;
  readonly openApi: object;
}

/** What whoever runs the gateway asks, without credentials. */
export function addOperations(
  app: FastifyInstance,
  { metrics, checkReady, openApi }: OperationsOptions,
): void {
  app.get('/livez', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    try {
      await checkReady();
    } catch {
      // Why is in the log: whoever asks here has shown no credentials.
      throw problem('unavailable', 'The registry behind can’t be reached.', {
        headers: { 'retry-after': '1' },
      });
    }
    return { status: 'ok' };
  });
  app.get('/metrics', async (_request, reply) => {
    // Awaited first: a content type that is set on a failed answer would be a lie.
    const text = await metrics.text();
    return await reply.type(metrics.contentType).send(text);
  });
  const text = JSON.stringify(openApi);
  app.get('/openapi.json', async (_request, reply) =>
    reply.type('application/json; charset=utf-8').header('cache-control', 'no-cache').send(text),
  );
}
