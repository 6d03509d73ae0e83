import type { RegistryKind } from './registry-kind.ts';
import { type Outcome, runScenario } from './run-scenario.ts';
import { type Scenario, whyNot } from './scenario.ts';
import { Turns } from './turns.ts';

export interface RunAllOptions {
  /** How many run side by side. The heavy ones run alone, after the others. */
  readonly atOnce: number;
  /** Told what goes on, and of what. */
  readonly progress: (scenario: Scenario, kind: RegistryKind, line: string) => void;
  /** Told what came of each, as soon as it is known. */
  readonly ended: (scenario: Scenario, kind: RegistryKind, outcome: Outcome) => void;
}

/** Plays every scenario on every kind that it applies to. */
export async function runAll(
  scenarios: readonly Scenario[],
  kinds: readonly RegistryKind[],
  { atOnce, progress, ended }: RunAllOptions,
): Promise<readonly Outcome[]> {
  // A scenario on all kinds, then the next: the longest come first, and servers that start slowly don't start together.
  const pairs = scenarios.flatMap((scenario) =>
    kinds.filter((kind) => whyNot(scenario, kind) === undefined).map((kind) => ({ scenario, kind })),
  );
  const play = async ({ scenario, kind }: (typeof pairs)[number]): Promise<Outcome> => {
    progress(scenario, kind, scenario.fault);
    const outcome = await runScenario(scenario, kind, { progress: (line) => progress(scenario, kind, line) });
    ended(scenario, kind, outcome);
    return outcome;
  };
  const outcomes: Outcome[] = [];
  for (const isHeavy of [false, true]) {
    const turns = new Turns(isHeavy ? 1 : atOnce);
    const these = pairs.filter(({ scenario }) => (scenario.isHeavy ?? false) === isHeavy);
    // oxlint-disable-next-line no-await-in-loop -- the heavy ones come after the others
    outcomes.push(...(await Promise.all(these.map((pair) => turns.run(() => play(pair))))));
  }
  return outcomes;
}
