import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import {
  createRegistry,
  type CreateRegistryOptions,
  type InstanceSpec,
  MemoryStore,
  memoryAdapter,
  type Registry,
} from '@rollcall/core';
import { createFetch, type HttpOptions, type ServiceFetch } from '@rollcall/http';
import { onTestFinished } from 'vitest';

/** OpenTelemetry's SDK for traces, with W3C's headers, as a program starts it. It ends with the test. */
export function startTracing(): { readonly finished: () => readonly ReadableSpan[] } {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  onTestFinished(async () => {
    await provider.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  });
  return { finished: () => exporter.getFinishedSpans() };
}

/** The points of a metric: their labels as `key=value`, and their values or counts. */
export type Points = Readonly<Record<string, number>>;

/** OpenTelemetry's SDK for metrics. Give `provider.getMeter('test')` to what is measured. */
export function startMetrics() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  // Nothing is exported but by a flush.
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  const collect = async (): Promise<Readonly<Record<string, Points>>> => {
    exporter.reset();
    await provider.forceFlush();
    const metrics =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
    return Object.fromEntries(
      metrics.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        Object.fromEntries(
          dataPoints.map(({ attributes, value }) => [
            Object.entries(attributes)
              .map(([name, label]) => `${name}=${String(label)}`)
              .toSorted((a, b) => a.localeCompare(b))
              .join(' '),
            typeof value === 'number' ? value : value.count,
          ]),
        ),
      ]),
    );
  };
  return { meter: provider.getMeter('test'), collect };
}

/** A registry in memory, which ends with the test. */
export async function startRegistry(
  options: CreateRegistryOptions = {},
): Promise<{ registry: Registry; store: MemoryStore }> {
  const store = new MemoryStore();
  const registry = await createRegistry({
    env: {},
    config: { log: { level: 'silent' }, backoff: { baseMs: 1, capMs: 10 } },
    adapter: memoryAdapter({ store }),
    ...options,
  });
  onTestFinished(() => registry.close());
  return { registry, store };
}

/** A real server, listed. It ends with the test. */
export async function serve(
  registry: Registry,
  id: string,
  answer: RequestListener,
  more: Partial<InstanceSpec> = {},
): Promise<number> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  await list(registry, id, port, more);
  return port;
}

export async function list(
  registry: Registry,
  id: string,
  port: number,
  more: Partial<InstanceSpec> = {},
): Promise<void> {
  await registry.register({ service: 'user-service', id, host: '127.0.0.1', port, ...more }).listed();
}

export function fetchFor(registry: Registry, options: HttpOptions): ServiceFetch {
  const fetch = createFetch(registry, options);
  onTestFinished(() => fetch.dispatcher.destroy());
  return fetch;
}

/** Where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
