import { context, propagation, type Span, SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

/** Sends this process's spans to the collector that `TRACES` names, each as it ends. */
export function startTracing(name: string): void {
  const exporter = new OTLPTraceExporter({ url: process.env['TRACES'] ?? '' });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': name }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  provider.register();
}

/** Answers a request within a span of its own, which is the child of the caller's: as OpenTelemetry's instrumentation of servers does. */
export function serving<T>(
  name: string,
  headers: Readonly<Record<string, unknown>>,
  answer: () => Promise<T>,
): Promise<T> {
  const parent = propagation.extract(context.active(), headers);
  const within = async (span: Span): Promise<T> => {
    try {
      return await answer();
    } finally {
      span.end();
    }
  };
  return trace.getTracer('test').startActiveSpan(name, { kind: SpanKind.SERVER }, parent, within);
}

/** Says something to the test that has started this process, and ends with it. */
export function tell(message: string): void {
  process.send?.(message);
  process.once('disconnect', () => process.exit());
}
