import { BENCH_PREFIX, benchService, runBench, type BenchResult } from '../bench/bench-run.ts';
import type { Timings } from '../bench/timings.ts';
import type { ParsedLine } from '../command-line.ts';
import type { Command } from '../command.ts';
import { loadAdapter, withConnection, type Connection } from '../connection.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import { EXIT } from '../exit-codes.ts';
import { coloursOf, count, print, printJson, say, warn, widthOf } from '../output.ts';
import { progressLine } from '../progress.ts';
import { stopSignal } from '../stop-signal.ts';
import { tableLines, type Cell, type Column } from '../table.ts';
import { UsageError } from '../usage-error.ts';

const DEFAULT_INSTANCES = 100;
const DEFAULT_DURATION_MS = 5_000;
const DEFAULT_CONCURRENCY = 16;

export const bench: Command = {
  name: 'bench',
  summary: 'Measures a registry: registrations, lookups, changes until seen',
  operands: '',
  arity: { min: 0, max: 0 },
  needsRegistry: true,
  options: {
    instances: { type: 'string', value: 'N', says: `so many are registered (${DEFAULT_INSTANCES})` },
    duration: { type: 'string', value: 'TIME', says: 'for lookups, and again for changes (5s)' },
    concurrency: { type: 'string', value: 'N', says: `calls under way at once (${DEFAULT_CONCURRENCY})` },
  },
  details: `
  rollcall bench
  rollcall bench --instances 1000 --duration 30s --json

In a service of its own, ${BENCH_PREFIX}…, which is removed at the end, and at Ctrl-C too. It loads the registry as much as it can:
it warns where other services are listed. A change is measured from before its write until another connection was told.
`,
  run: (line) => {
    const settings = {
      instances: countOf(line, 'instances', DEFAULT_INSTANCES, 100_000),
      durationMs: durationOf(line),
      concurrency: countOf(line, 'concurrency', DEFAULT_CONCURRENCY, 1_000),
    };
    return withConnection(line, async (connection, loaded) => {
      await warnOfOthers(connection);
      const service = benchService();
      // In memory there is no other connection.
      const isShared = connection.adapter.type !== 'memory';
      const watcher = isShared ? await loadAdapter(loaded) : connection.adapter;
      const progress = progressLine();
      const stop = stopSignal();
      let result: BenchResult | undefined;
      try {
        if (isShared) await connection.call('connect once more', (signal) => watcher.open(signal));
        result = await runBench(service, { ...settings, connection, watcher, signal: stop.signal, progress });
      } finally {
        progress.clear();
        stop.release();
        if (isShared) await connection.call('close', () => watcher.close()).catch(() => {});
      }
      if (!result) {
        say(`stopped: ${service} was removed`);
        return EXIT.failed;
      }
      const { type: registry } = connection.adapter;
      const { namespace } = connection;
      if (line.flag('json')) printJson({ registry, namespace, service, ...settings, ...result });
      else printResult(`${count(settings.instances, 'instance')} in ${registry}`, settings, result);
      return result.changes.unseen === 0 ? EXIT.ok : EXIT.failed;
    });
  },
};

async function warnOfOthers(connection: Connection): Promise<void> {
  const others = (await connection.services()).filter((name) => !name.startsWith(BENCH_PREFIX));
  if (others.length === 0) return;
  const those = others.length === 1 ? 'it gets' : 'they get';
  warn(
    `${count(others.length, 'service')} of the namespace ${connection.namespace} ${others.length === 1 ? 'uses' : 'use'} this registry: ${those} slower answers now`,
  );
}

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'COUNT', align: 'right' },
  { title: 'PER SECOND', align: 'right' },
  { title: 'P50', align: 'right' },
  { title: 'P99', align: 'right' },
  { title: 'MAX', align: 'right' },
];

function printResult(
  what: string,
  { concurrency, durationMs }: { readonly concurrency: number; readonly durationMs: number },
  { registrations, lookups, changes, deregistrations }: BenchResult,
): void {
  const { dim } = coloursOf(process.stdout);
  print(
    `${what}, ${count(concurrency, 'call')} at once; lookups and changes for ${formatDuration(durationMs)} each`,
  );
  const row = (name: string, timings: Timings, perSecond?: number): readonly Cell[] => [
    { text: name },
    { text: String(timings.count) },
    { text: perSecond === undefined ? '' : perSecond.toFixed(perSecond < 10 ? 1 : 0) },
    ...[timings.p50Ms, timings.p99Ms, timings.maxMs].map((ms) => ({ text: formatDuration(ms) })),
  ];
  const rows = [
    row('registrations', registrations, registrations.perSecond),
    row('lookups of all', lookups, lookups.perSecond),
    row('changes until seen', changes),
    row('deregistrations', deregistrations, deregistrations.perSecond),
  ];
  for (const text of tableLines(COLUMNS, rows, { ...widthOf(process.stdout), title: dim })) print(text);
  if (changes.unseen > 0) warn(`${count(changes.unseen, 'change')} never reached the other connection`);
}

function countOf(line: ParsedLine, option: string, otherwise: number, max: number): number {
  const text = line.text(option);
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new UsageError(`--${option} is a number from 1 to ${max}, not ${text}`, 'bench');
}

function durationOf(line: ParsedLine): number {
  const text = line.text('duration');
  return text === undefined ? DEFAULT_DURATION_MS : parseDuration('duration', text);
}
