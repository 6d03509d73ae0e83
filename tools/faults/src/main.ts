import { parseArgs } from 'node:util';
import { applies, KINDS, SCENARIOS } from './catalogue.ts';
import { describeMachine } from './machine.ts';
import type { RegistryKind } from './registry-kind.ts';
import { writeLastRun } from './reliability-page.ts';
import { markdownTable, plainTable, verdictOf } from './report.ts';
import { type Outcome, runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS_AT_ONCE, Turns } from './turns.ts';

const PAGE = new URL('../../../docs/reliability.md', import.meta.url);

const HELP = `Hurts real registries, their network and their clients, and checks what docs/reliability.md promises.

  npm run test:faults                          every fault on every registry, two to three minutes
  npm run test:faults -- killed frozen         those faults
  npm run test:faults -- --registry etcd       on that registry; can be given several times
  npm run test:faults -- --at-once 1           one after the other; defaults to ${SCENARIOS_AT_ONCE}
  npm run test:faults -- --trace               with what every process told, also where nothing failed
  npm run test:faults -- --json                the outcomes as JSON on standard output
  npm run test:faults -- --write               all, and the table of docs/reliability.md is replaced
  npm run test:faults -- --list                what there is

The exit code is 1 when a promise wasn't kept.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      registry: { type: 'string', multiple: true, default: [] },
      'at-once': { type: 'string', default: String(SCENARIOS_AT_ONCE) },
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
  const scenarios = selected('fault', SCENARIOS, ({ name }) => name, positionals);
  const kinds = selected('registry', KINDS, ({ type }) => type, values.registry);

  const outcomes = await runAll(scenarios, kinds, atOnce, values.trace);
  const machine = await describeMachine();
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, outcomes }, null, 2)}\n`);
  else process.stdout.write(`\n${plainTable(outcomes)}\n\n${machine}\n`);
  const failed = outcomes.filter((outcome) => verdictOf(outcome) === 'FAILED').length;
  if (failed > 0) process.exitCode = 1;
  // The table of a run in which something failed is no promise.
  else if (values.write) await writeLastRun(PAGE, `${machine}:\n\n${markdownTable(outcomes)}`);
}

async function runAll(
  scenarios: readonly Scenario[],
  kinds: readonly RegistryKind[],
  atOnce: number,
  isTraced: boolean,
): Promise<readonly Outcome[]> {
  const turns = new Turns(atOnce);
  const since = performance.now();
  const pairs = kinds.flatMap((kind) =>
    scenarios.filter((scenario) => applies(scenario, kind)).map((scenario) => ({ scenario, kind })),
  );
  return await Promise.all(
    pairs.map(({ scenario, kind }) =>
      turns.run(async () => {
        const say = (line: string) => {
          const at = ((performance.now() - since) / 1_000).toFixed(1).padStart(6);
          process.stderr.write(`${at} s  ${kind.type} ${scenario.name}: ${line}\n`);
        };
        say(scenario.fault);
        const outcome = await runScenario(scenario, kind, { progress: say });
        say(`${verdictOf(outcome)} after ${(outcome.tookMs / 1_000).toFixed(1)} s`);
        for (const failure of outcome.failures) say(`  ${failure}`);
        if (isTraced || outcome.failures.length > 0) process.stderr.write(`${outcome.trace}\n`);
        return outcome;
      }),
    ),
  );
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
    const on = KINDS.filter((kind) => applies(scenario, kind)).map(({ type }) => type);
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
