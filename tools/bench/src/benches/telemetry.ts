import { context, metrics, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { HttpOptions } from '@rollcall/http';
import { measured, traced } from '@rollcall/opentelemetry';
import { row, type Bench } from '../bench.ts';
import { CONCURRENCY, many, ourCaller, startServer } from '../calling.ts';
import { median } from '../statistics.ts';

/** How calls are made. */
export interface Telemetry {
  readonly tells: 'nothing' | 'spans' | 'metrics' | 'both';
  /** OpenTelemetry's SDK runs; else there is its API alone. */
  readonly sdk: boolean;
  /** Each call is made within a span, as by a server that handles a request. */
  readonly isInSpan: boolean;
}

export interface TelemetryInput extends Telemetry {
  readonly calls: number;
  readonly warmUp: number;
}

export interface TelemetryFigures {
  readonly callsPerSecond: number;
  /** Of this process on all cores, for each call. */
  readonly cpuMicroseconds: number;
}

const PLAIN: Telemetry = { tells: 'nothing', sdk: false, isInSpan: false };
const PLAIN_IN_SPAN: Telemetry = { tells: 'nothing', sdk: true, isInSpan: true };

const PAIRS: readonly {
  readonly what: string;
  readonly ours: Telemetry;
  readonly theirs: Telemetry;
}[] = [
  { what: 'telemetry off', ours: { ...PLAIN }, theirs: PLAIN },
  { what: 'spans and metrics, no SDK', ours: { ...PLAIN, tells: 'both' }, theirs: PLAIN },
  { what: 'spans, SDK', ours: { ...PLAIN, sdk: true, tells: 'spans' }, theirs: PLAIN },
  { what: 'metrics, SDK', ours: { ...PLAIN, sdk: true, tells: 'metrics' }, theirs: PLAIN },
  { what: 'spans and metrics, SDK', ours: { ...PLAIN, sdk: true, tells: 'both' }, theirs: PLAIN },
  {
    what: 'the same, each call within a span of its caller',
    ours: { ...PLAIN_IN_SPAN, tells: 'both' },
    theirs: PLAIN_IN_SPAN,
  },
];

export const telemetry: Bench = {
  name: 'telemetry',
  title: 'Calling over HTTP, with OpenTelemetry',
  async run({ quick, progress, fresh }) {
    const rounds = quick ? 1 : 7;
    // About three seconds of each.
    const size = quick ? { calls: 500, warmUp: 100 } : { calls: 15_000, warmUp: 5_000 };
    const figures = new Map<Telemetry, TelemetryFigures[]>();
    for (const { ours, theirs } of PAIRS) figures.set(ours, []).set(theirs, []);
    /* oxlint-disable no-await-in-loop -- one at a time: they share the machine */
    for (let round = 1; round <= rounds; round++) {
      progress(`calling, round ${round} of ${rounds}`);
      for (const [way, of] of figures)
        of.push(await fresh<TelemetryFigures>(import.meta.url, 'costOfCalls', { ...way, ...size }));
    }
    /* oxlint-enable no-await-in-loop */
    const middle = (way: Telemetry, name: keyof TelemetryFigures) =>
      median((figures.get(way) ?? []).map((each) => each[name]));
    return {
      rows: PAIRS.flatMap(({ what, ours, theirs }) => {
        const name = theirs.isInSpan ? 'plain createFetch within a span' : 'plain createFetch';
        const [calls, plainCalls] = [middle(ours, 'callsPerSecond'), middle(theirs, 'callsPerSecond')];
        return [
          row({
            what,
            unit: 'calls/s',
            ours: calls,
            peer: { name, figure: plainCalls },
            target: { text: 'at least 95 %', met: calls >= 0.95 * plainCalls },
          }),
          row({
            what: `${what}: CPU of a call`,
            unit: 'µs',
            ours: middle(ours, 'cpuMicroseconds'),
            peer: { name, figure: middle(theirs, 'cpuMicroseconds') },
          }),
        ];
      }),
      notes: [
        `\`fetch\` by \`createFetch(registry, measured(traced()))\`, with ${CONCURRENCY} calls under way, to a server of Node's own that answers “hello”, a process. “Off” is the peer measured a second time: what it differs by is noise.`,
        'The SDK keeps every span, in batches, and its exporters throw away what they get: what an exporter costs goes by the exporter.',
        `Median of ${rounds} rounds that take turns, each in a process of its own.`,
      ],
    };
  },
};

/** What this process can do. */
export async function costOfCalls(input: TelemetryInput): Promise<TelemetryFigures> {
  const { calls, warmUp, isInSpan } = input;
  const endSdk = input.sdk ? startSdk() : undefined;
  const server = await startServer();
  const caller = await ourCaller([server], optionsFor(input));
  const fetched = async () => void (await (await caller.fetch(caller.url)).text());
  const call = isInSpan ? () => withinSpan(fetched) : fetched;
  await many(warmUp, call);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await many(calls, call);
  const tookMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  await caller.close();
  server.stop();
  await endSdk?.();
  return { callsPerSecond: (calls * 1_000) / tookMs, cpuMicroseconds: (user + system) / calls };
}

function optionsFor({ tells }: Telemetry): HttpOptions {
  const options = tells === 'spans' || tells === 'both' ? traced() : {};
  return tells === 'metrics' || tells === 'both' ? measured(options) : options;
}

async function withinSpan(run: () => Promise<void>): Promise<void> {
  const span = trace.getTracer('bench').startSpan('GET /');
  await context.with(trace.setSpan(ROOT_CONTEXT, span), run);
  span.end();
}

/** As a program starts it. @returns what ends it. */
function startSdk(): () => Promise<void> {
  const spans = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(NO_SPANS)] });
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
