import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { machineLine } from '@rollcall-tools/pages';
import type { Bench, Plot, Result } from './bench.ts';
import { BENCHES } from './catalogue.ts';
import { inFreshProcess } from './fresh-process.ts';
import { readFigures, writeFigures } from './performance-page.ts';
import { plainOutcome, type Outcome } from './report.ts';

const PAGE = new URL('../../../docs/performance.md', import.meta.url);
const IMAGES = new URL('../../../docs/images/', import.meta.url);
const RUNNER = new URL('bench-process.ts', import.meta.url).href;

/** No bench takes longer, in milliseconds, not even on a machine that is busy; the server that it needs is ready by then. */
const BENCH_MS = 900_000;

const HELP = `Measures Rollcall beside plain alternatives.

  npm run bench                       all benches, about a quarter of an hour
  npm run bench -- reading changes    those
  npm run bench -- --quick            small and fast, to see that they work; the figures mean nothing
  npm run bench -- --no-servers       without those that start a registry
  npm run bench -- --json             the figures as JSON on standard output
  npm run bench -- --write            their tables in docs/performance.md are replaced, each when it is done

${BENCHES.map(({ name, title, server }) => `  ${name.padEnd(20)} ${title}${server ? ` (starts ${server})` : ''}`).join('\n')}
`;

/** Exit code 0 also when a target is missed: a bench tells, it doesn't judge. 1 when one couldn't be run. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      'no-servers': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const benches = selected(positionals).filter(({ server }) => !server || !values['no-servers']);
  const machine = await machineLine();
  const date = new Date().toISOString().slice(0, 10);
  if (values.write && values.quick) throw new Error('--write takes full length: leave --quick out');
  if (values.write && benches.length < BENCHES.length) await refuseOtherMachine(machine);
  if (!values.json) process.stdout.write(`${machine}, ${date}\n\n`);
  const outcomes: Outcome[] = [];
  for (const [i, bench] of benches.entries()) {
    process.stderr.write(`${bench.name} (${i + 1} of ${benches.length}) …\n`);
    // oxlint-disable-next-line no-await-in-loop -- one at a time: they would measure each other
    const outcome = await outcomeOf(bench, values.quick);
    outcomes.push(outcome);
    if (!values.json) process.stdout.write(`${plainOutcome(outcome)}\n`);
    // oxlint-disable-next-line no-await-in-loop -- so that what comes next can't lose it
    if (values.write) await writeFigures(PAGE, { machine, date, benches: BENCHES, outcomes });
    // oxlint-disable-next-line no-await-in-loop
    if (values.write) await writePlots(outcome.result?.plots ?? []);
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, date, outcomes }, null, 2)}\n`);
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  if (failed.length === 0) return;
  process.exitCode = 1;
  const names = failed.map(({ bench: { name } }) => name).join(' ');
  process.stderr.write(`not measured: ${names}. Try them again: npm run bench -- ${names}\n`);
}

async function writePlots(plots: readonly Plot[]): Promise<void> {
  await mkdir(IMAGES, { recursive: true });
  await Promise.all(plots.map(({ file, svg }) => writeFile(new URL(file, IMAGES), svg)));
}

/** All figures of the page are of one machine. */
async function refuseOtherMachine(machine: string): Promise<void> {
  const there = (await readFigures(PAGE)).machine;
  if (there === undefined || there === machine) return;
  throw new Error(
    `the page has figures of another machine (${there}): write all benches, or leave --write out`,
  );
}

function selected(names: readonly string[]): readonly Bench[] {
  const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0)
    throw new Error(
      `no such bench: ${unknown.join(', ')}. There are ${BENCHES.map(({ name }) => name).join(', ')}`,
    );
  return names.length === 0 ? BENCHES : BENCHES.filter(({ name }) => names.includes(name));
}

async function outcomeOf({ name, title }: Bench, quick: boolean): Promise<Outcome> {
  const bench = { name, title };
  try {
    return {
      bench,
      result: await inFreshProcess<Result>(RUNNER, 'runBench', { name, quick }, { timeoutMs: BENCH_MS }),
    };
  } catch (error) {
    return { bench, failure: error instanceof Error ? error.message : String(error) };
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
