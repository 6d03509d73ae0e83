import { type Bound, boundOf } from './bound.ts';
import { judge } from './judge.ts';
import { machineNow } from './machine-clock.ts';
import type { RegistryKind } from './registry-kind.ts';
import type { Scenario } from './scenario.ts';
import { type Settings, SETTINGS } from './settings.ts';
import { type Counted, Stage } from './stage.ts';

/** What came of one fault on one registry. */
export interface Outcome {
  readonly name: string;
  readonly fault: string;
  readonly registry: string;
  readonly bound: Bound;
  /** From the end of the fault until all is as it should be; undefined when it never was. */
  readonly healedInMs: number | undefined;
  /** The promises that weren't kept. Empty: it passed. */
  readonly failures: readonly string[];
  /** What people want to know besides. */
  readonly counted: readonly Counted[];
  readonly tookMs: number;
  /** What the processes told of themselves. */
  readonly trace: string;
}

export interface RunOptions {
  readonly settings?: Settings;
  /** Told, in one short line, what goes on. */
  readonly progress?: (line: string) => void;
}

/** Plays a scenario on a registry of its own, and judges it. It never rejects: what goes wrong is a failure. */
export async function runScenario(
  scenario: Scenario,
  kind: RegistryKind,
  { settings: given = SETTINGS, progress = () => {} }: RunOptions = {},
): Promise<Outcome> {
  const since = machineNow();
  const settings = {
    ...given,
    ...scenario.settings,
    ...kind.settings,
    ...(scenario.isHeavy && kind.crowdSettings),
  };
  const bound = boundOf(scenario.bound, settings, kind);
  const broken: string[] = [];
  const attempt = async (run: () => Promise<void>) => {
    await run().catch((error: unknown) =>
      broken.push(error instanceof Error ? error.message : String(error)),
    );
  };
  let stage: Stage | undefined;
  await attempt(async () => {
    const open = await Stage.open(kind, {
      nodes: scenario.nodes ?? 1,
      needs: scenario.needs ?? [],
      settings,
      bound,
      progress,
    });
    stage = open;
    await attempt(async () => {
      await scenario.run(open);
      await open.staysHealed();
    });
    // Also after a failure: whether processes end by themselves is a question of its own.
    await attempt(() => open.close());
    await attempt(() => open.dispose());
  });
  return {
    name: scenario.name,
    fault: scenario.fault,
    registry: kind.type,
    bound,
    healedInMs: stage?.healedInMs,
    failures: [...broken, ...(stage ? judge(stage.evidence) : [])],
    counted: stage?.counted ?? [],
    tookMs: machineNow() - since,
    trace: stage?.trace ?? '',
  };
}
