import { parseArgs } from 'node:util';
import { KINDS, SCENARIOS } from './catalogue.ts';
import { describeMachine } from './machine.ts';
import { writeLastRun } from './reliability-page.ts';
import { markdownTables, plainTables, type Run, verdictOf } from './report.ts';
import { runAll } from './run-all.ts';
import { type Scenario, whyNot } from './scenario.ts';
import { SCENARIOS_AT_ONCE } from './turns.ts';

const PAGE = new URL('../../../docs/reliability.md', import.meta.url);

const HELP = `Hurts real registries, their network and their clients, and checks what docs/reliability.md promises.

  npm run test:faults                          every fault on every registry: one table
  npm run test:faults -- killed frozen         those faults
  npm run test:faults -- --registry etcd       on that registry; can be given several times
  npm run test:faults -- --light               without those that take the whole machine, as \`npm test\`
  npm run test:faults -- --at-once 1           one after the other; defaults to ${SCENARIOS_AT_ONCE}; the heavy ones always
  npm run test:faults -- --trace               with what every process told, also where nothing failed
  npm run test:faults -- --json                the outcomes as JSON on standard output
  npm run test:faults -- --write               and the tables of docs/reliability.md are replaced
  npm run test:faults -- --list                what there is

The exit code is 1 when a promise wasn't kept.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      registry: { type: 'string', multiple: true, default: [] },
      'at-once': { type: 'string', default: String(SCENARIOS_AT_ONCE) },
      light: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (values.list) {
    process.stdout.write(list());
    return;
  }
  const atOnce = Number(values['at-once']);
  if (!Number.isInteger(atOnce) || atOnce < 1) throw new Error('--at-once takes a number from 1');
  if (values.write && (positionals.length > 0 || values.registry.length > 0))
    throw new Error('--write takes every fault on every registry: leave the rest out');
  const offered = values.light ? SCENARIOS.filter(({ isHeavy }) => !isHeavy) : SCENARIOS;
  const scenarios = selected('fault', offered, ({ name }) => name, positionals);
  const kinds = selected('registry', KINDS, ({ type }) => type, values.registry);

  const run: Run = { scenarios, kinds, outcomes: await play(scenarios, kinds, atOnce, values.trace) };
  const machine = await describeMachine();
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, ...described(run) }, null, 2)}\n`);
  else process.stdout.write(`\n${plainTables(run)}\n\n${machine}\n`);
  const failed = run.outcomes.filter((outcome) => verdictOf(outcome) === 'FAILED').length;
  if (failed > 0) process.exitCode = 1;
  // The table of a run in which something failed is no promise.
  else if (values.write) await writeLastRun(PAGE, `${machine}.\n\n${markdownTables(run)}`);
}

async function play(
  scenarios: readonly Scenario[],
  kinds: Run['kinds'],
  atOnce: number,
  isTraced: boolean,
): Promise<Run['outcomes']> {
  const since = performance.now();
  const say = ({ name }: Scenario, { type }: Run['kinds'][number], line: string) => {
    const at = ((performance.now() - since) / 1_000).toFixed(1).padStart(6);
    process.stderr.write(`${at} s  ${type} ${name}: ${line}\n`);
  };
  return await runAll(scenarios, kinds, {
    atOnce,
    progress: say,
    ended(scenario, kind, outcome) {
      say(scenario, kind, `${verdictOf(outcome)} after ${(outcome.tookMs / 1_000).toFixed(1)} s`);
      for (const failure of outcome.failures) say(scenario, kind, `  ${failure}`);
      if (isTraced || outcome.failures.length > 0) process.stderr.write(`${outcome.trace}\n`);
    },
  });
}

/** What was run, and what doesn't apply and why. */
function described({ scenarios, kinds, outcomes }: Run): object {
  const notApplicable = scenarios.flatMap((scenario) =>
    kinds.flatMap((kind) => {
      const why = whyNot(scenario, kind);
      return why === undefined ? [] : [{ name: scenario.name, registry: kind.type, why }];
    }),
  );
  return { outcomes, notApplicable };
}

function selected<T>(
  what: string,
  all: readonly T[],
  nameOf: (it: T) => string,
  names: readonly string[],
): readonly T[] {
  const unknown = names.filter((name) => !all.some((it) => nameOf(it) === name));
  if (unknown.length > 0)
    throw new Error(`no such ${what}: ${unknown.join(', ')}. There are ${all.map(nameOf).join(', ')}`);
  return names.length === 0 ? all : all.filter((it) => names.includes(nameOf(it)));
}

function list(): string {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length)) + 2;
  const lines = SCENARIOS.map((scenario) => {
    const on = KINDS.filter((kind) => whyNot(scenario, kind) === undefined).map(({ type }) => type);
    return `${scenario.name.padEnd(width)}${scenario.fault} (${on.join(', ')})`;
  });
  return `${lines.join('\n')}\n`;
}

// With an exit code of its own, the processes and servers of a run are ended on the way out.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const)
  process.once(signal, () => process.exit(128 + number));

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
