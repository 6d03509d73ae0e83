import { parseArgs } from 'node:util';
import type { Bench, Result } from './bench.ts';
import { BENCHES } from './catalogue.ts';
import { inFreshProcess } from './fresh-process.ts';
import { describeMachine } from './machine.ts';
import { writeFigures } from './performance-page.ts';
import { machineLines, markdownReport, plainOutcome, type Outcome } from './report.ts';

const PAGE = new URL('../../../docs/performance.md', import.meta.url);
const RUNNER = new URL('bench-process.ts', import.meta.url).href;

const HELP = `Measures Rollcall beside plain alternatives.

  npm run bench                       all benches, a few minutes
  npm run bench -- reading changes    those
  npm run bench -- --quick            small and fast, to see that they work; the figures mean nothing
  npm run bench -- --no-etcd          without those that start an etcd
  npm run bench -- --json             the figures as JSON on standard output
  npm run bench -- --write            all, and the tables of docs/performance.md are replaced

${BENCHES.map(({ name, title, needsEtcd }) => `  ${name.padEnd(20)} ${title}${needsEtcd ? ' (starts an etcd)' : ''}`).join('\n')}
`;

/** Exit code 0 also when a target is missed: a bench tells, it doesn't judge. 1 when one couldn't be run. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      'no-etcd': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (values.write && (values.quick || values['no-etcd'] || positionals.length > 0))
    throw new Error('--write takes all benches at full length: leave the rest out');
  const benches = selected(positionals).filter(({ needsEtcd }) => !needsEtcd || !values['no-etcd']);
  const machine = await describeMachine();
  const command = [
    'npm run bench',
    ...(process.argv.length > 2 ? ['--'] : []),
    ...process.argv.slice(2),
  ].join(' ');
  if (!values.json) process.stdout.write(`${machineLines(machine, command).replaceAll(/[*`]/gu, '')}\n\n`);
  const outcomes: Outcome[] = [];
  for (const bench of benches) {
    process.stderr.write(`${bench.name} …\n`);
    const outcome = await outcomeOf(bench, values.quick);
    outcomes.push(outcome);
    if (!values.json) process.stdout.write(`${plainOutcome(outcome)}\n`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, command, outcomes }, null, 2)}\n`);
  if (outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
  else if (values.write) await writeFigures(PAGE, markdownReport(outcomes, machine, command));
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
    return { bench, result: await inFreshProcess<Result>(RUNNER, 'runBench', { name, quick }) };
  } catch (error) {
    return { bench, failure: error instanceof Error ? error.message : String(error) };
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
