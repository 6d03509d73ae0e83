import { SpanKind } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { afterAll, expect, it } from 'vitest';
import { runGateway } from './support/running-gateway.ts';

const spans = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
provider.register();
afterAll(() => provider.shutdown());

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

it('a request is a server span, in the trace of its caller', async () => {
  const running = await runGateway();
  await running.call('GET', '/v1/namespaces/default/services/users/instances?maxStaleMs=5', {
    headers: { traceparent: `00-${TRACE}-${PARENT}-01` },
  });
  await expect.poll(() => spans.getFinishedSpans().length).toBe(1);
  const [span] = spans.getFinishedSpans();
  expect(span?.name).toBe('GET /v1/namespaces/:namespace/services/:service/instances');
  expect(span?.kind).toBe(SpanKind.SERVER);
  expect(span?.spanContext().traceId).toBe(TRACE);
  expect(span?.parentSpanContext?.spanId).toBe(PARENT);
  expect(span?.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'http.route': '/v1/namespaces/:namespace/services/:service/instances',
    'url.path': '/v1/namespaces/default/services/users/instances',
    'url.scheme': 'http',
  });
  await running.close();
});

it('no spans are made where none are wanted', async () => {
  spans.reset();
  const running = await runGateway({ tracer: false });
  await running.call('GET', '/v1/namespaces');
  await running.close();
  expect(spans.getFinishedSpans()).toEqual([]);
});
