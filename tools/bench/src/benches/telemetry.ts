import { context, metrics, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { HttpOptions } from '@rollcall/http';
import { measured, traced } from '@rollcall/opentelemetry';
import { row, type Bench } from '../bench.ts';
import { CONCURRENCY, many, ourCaller, startServer } from '../calling.ts';
import { median } from '../statistics.ts';

/** What calls are measured beside: `createFetch` without telemetry, or with what nobody can do without who uses the SDK. */
export type Beside = 'plain createFetch' | 'the SDK by hand';

/** How calls are made, and what they are measured beside. */
export interface Telemetry {
  readonly beside: Beside;
  readonly tells: 'nothing' | 'a bare span' | 'spans' | 'metrics' | 'both';
  /** OpenTelemetry's SDK runs and keeps this part of all traces; undefined: there is its API alone. */
  readonly sampled?: number;
  /** All calls are made within a span, as by a server that handles a request. */
  readonly isInSpan: boolean;
}

export interface TelemetryInput extends Telemetry {
  /** Of each kind. */
  readonly blocks: number;
  readonly warmUpBlocks: number;
}

export interface TelemetryFigures {
  readonly ours: CallFigures;
  readonly theirs: CallFigures;
}

export interface CallFigures {
  readonly callsPerSecond: number;
  /** Of this process on all cores, for each call. */
  readonly cpuMicroseconds: number;
}

const NO_SDK = { beside: 'plain createFetch', isInSpan: false } as const;
const SDK = { ...NO_SDK, sampled: 1 } as const;

const WAYS: readonly (Telemetry & { readonly what: string })[] = [
  { what: 'telemetry off', tells: 'nothing', ...NO_SDK },
  { what: 'spans and metrics, no SDK', tells: 'both', ...NO_SDK },
  { what: 'a bare span, SDK, nothing else', tells: 'a bare span', ...SDK },
  { what: 'spans, SDK', tells: 'spans', ...SDK },
  { what: 'metrics, SDK', tells: 'metrics', ...SDK },
  { what: 'spans and metrics, SDK keeps one trace in ten', tells: 'both', ...SDK, sampled: 0.1 },
  { what: 'spans and metrics, SDK', tells: 'both', ...SDK },
  { what: 'the same, all calls within a span', tells: 'both', ...SDK, isInSpan: true },
  { what: 'the same, beside the SDK by hand', tells: 'both', ...SDK, beside: 'the SDK by hand' },
];

/** So many calls are made one way, then as many the other way. */
const BLOCK = 200;

export const telemetry: Bench = {
  name: 'telemetry',
  title: 'Calling over HTTP, with OpenTelemetry',
  async run({ quick, progress, fresh }) {
    const rounds = quick ? 1 : 5;
    const size = quick ? { blocks: 2, warmUpBlocks: 1 } : { blocks: 45, warmUpBlocks: 15 };
    const figures = WAYS.map((): TelemetryFigures[] => []);
    /* oxlint-disable no-await-in-loop -- one at a time: they share the machine */
    for (let round = 1; round <= rounds; round++) {
      progress(`calling, round ${round} of ${rounds}`);
      for (const [i, way] of WAYS.entries())
        figures[i]?.push(await fresh<TelemetryFigures>(import.meta.url, 'costOfCalls', { ...way, ...size }));
    }
    /* oxlint-enable no-await-in-loop */
    return {
      rows: WAYS.flatMap(({ what, beside, tells }, i) => {
        const middle = (who: keyof TelemetryFigures, name: keyof CallFigures) =>
          median((figures[i] ?? []).map((each) => each[who][name]));
        const calls = middle('ours', 'callsPerSecond');
        const theirs = middle('theirs', 'callsPerSecond');
        return [
          row({
            what,
            unit: 'calls/s',
            ours: calls,
            peer: { name: beside, figure: theirs },
            ...(tells !== 'a bare span' && {
              target: { text: 'at least 95 %', met: calls >= 0.95 * theirs },
            }),
          }),
          row({
            what: `${what}: CPU of a call`,
            unit: 'µs',
            ours: middle('ours', 'cpuMicroseconds'),
            peer: { name: beside, figure: middle('theirs', 'cpuMicroseconds') },
          }),
        ];
      }),
      notes: [
        `\`fetch\` by \`createFetch(registry, measured(traced()))\`, with ${CONCURRENCY} calls under way, to a server of Node's own that answers “hello”, a process. With “telemetry off” both are plain: what they differ by is noise.`,
        '“A bare span”: an observer that starts a span of the SDK and ends it, without attributes and propagation. It is no part of Rollcall: less can’t be had.',
        '“The SDK by hand”: an observer that does nothing but start a span with the same attributes, propagate and end it, and record two histograms.',
        'The SDK keeps every span, but in that one row, in batches; its exporters throw away what they get: what an exporter costs goes by the exporter.',
        `Both ways of calling take turns in one process, ${BLOCK} calls each, ${size.blocks} times; median of ${rounds} processes.`,
      ],
    };
  },
};

/** What this process can do, in both ways. */
export async function costOfCalls(input: TelemetryInput): Promise<TelemetryFigures> {
  const { blocks, warmUpBlocks, isInSpan } = input;
  const endSdk = input.sampled === undefined ? undefined : startSdk(input.sampled);
  const server = await startServer();
  const beside = input.beside === 'the SDK by hand' ? byHand() : {};
  const callers = await Promise.all([optionsFor(input), beside].map((each) => ourCaller([server], each)));
  const ways = callers.map((caller) => {
    const fetched = async () => void (await (await caller.fetch(caller.url)).text());
    return { call: isInSpan ? () => withinSpan(fetched) : fetched, tookMs: 0, cpuMs: 0 };
  });
  /* oxlint-disable no-await-in-loop -- they take turns */
  for (let block = -warmUpBlocks; block < blocks; block++) {
    // Who comes second pays for what the first left behind, so each is that in turn.
    for (const way of block % 2 === 0 ? ways : ways.toReversed()) {
      const cpu = process.cpuUsage();
      const begun = performance.now();
      await many(BLOCK, way.call);
      if (block < 0) continue;
      way.tookMs += performance.now() - begun;
      const { user, system } = process.cpuUsage(cpu);
      way.cpuMs += (user + system) / 1_000;
    }
  }
  /* oxlint-enable no-await-in-loop */
  await Promise.all(callers.map((caller) => caller.close()));
  server.stop();
  await endSdk?.();
  const calls = blocks * BLOCK;
  const [ours, theirs] = ways.map(({ tookMs, cpuMs }) => ({
    callsPerSecond: (calls * 1_000) / tookMs,
    cpuMicroseconds: (cpuMs * 1_000) / calls,
  }));
  if (!ours || !theirs) throw new Error('two ways give two figures');
  return { ours, theirs };
}

function optionsFor({ tells }: Telemetry): HttpOptions {
  if (tells === 'a bare span') return bareSpan();
  const options = tells === 'spans' || tells === 'both' ? traced() : {};
  return tells === 'metrics' || tells === 'both' ? measured(options) : options;
}

/** The least that anybody can do who wants a span of each call. */
function bareSpan(): HttpOptions {
  const tracer = trace.getTracer('bench');
  return {
    observer: ({ method }) => ({
      onAttempt() {
        const span = tracer.startSpan(method, { kind: SpanKind.CLIENT });
        return { onEnd: () => span.end() };
      },
    }),
  };
}

/** The least that the SDK can be asked for to have spans, propagation and the two histograms. */
function byHand(): HttpOptions {
  const tracer = trace.getTracer('bench');
  const meter = metrics.getMeter('bench');
  const calls = meter.createHistogram('call.duration');
  const tries = meter.createHistogram('try.duration');
  const callLabels = { service: 'users', status: 200 };
  const tryLabels = { method: 'GET', address: 'users', port: 80, status: 200 };
  return {
    observer: ({ service, method, origin, path }) => {
      const begun = performance.now();
      return {
        onAttempt({ instance, kind }) {
          const parent = context.active();
          const attributes = {
            'http.request.method': method,
            'server.address': service,
            'server.port': 80,
            'url.full': origin + path,
            'rollcall.service': service,
          };
          const span = tracer.startSpan(method, { kind: SpanKind.CLIENT, attributes }, parent);
          span.setAttributes({
            'network.peer.address': instance.host,
            'network.peer.port': instance.port,
            'rollcall.namespace': instance.namespace,
            'rollcall.instance.id': instance.id,
            'rollcall.attempt.kind': kind,
          });
          const headers: Record<string, string> = {};
          propagation.inject(trace.setSpan(parent, span), headers);
          return {
            headers,
            onEnd({ status }) {
              if (status !== undefined) span.setAttribute('http.response.status_code', status);
              span.end();
              const seconds = (performance.now() - begun) / 1_000;
              tries.record(seconds, tryLabels);
              calls.record(seconds, callLabels);
            },
          };
        },
      };
    },
  };
}

async function withinSpan(run: () => Promise<void>): Promise<void> {
  const span = trace.getTracer('bench').startSpan('GET /');
  await context.with(trace.setSpan(ROOT_CONTEXT, span), run);
  span.end();
}

/** As a program starts it. @returns what ends it. */
function startSdk(sampled: number): () => Promise<void> {
  const spans = new NodeTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampled) }),
    spanProcessors: [new BatchSpanProcessor(NO_SPANS)],
  });
  spans.register();
  const reader = new PeriodicExportingMetricReader({ exporter: NO_METRICS, exportIntervalMillis: 10_000 });
  const meters = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(meters);
  return async () => {
    await spans.shutdown();
    await meters.shutdown();
    for (const api of [trace, metrics, context]) api.disable();
  };
}

const DONE = { code: ExportResultCode.SUCCESS };

const NO_SPANS: SpanExporter = {
  export: (_spans, done) => done(DONE),
  shutdown: () => Promise.resolve(),
};

const NO_METRICS: PushMetricExporter = {
  export: (_metrics, done) => done(DONE),
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
  selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
};
