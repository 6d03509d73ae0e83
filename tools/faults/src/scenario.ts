import type { Term } from './bound.ts';
import type { Power, RegistryKind } from './registry-kind.ts';
import type { Settings } from './settings.ts';
import type { Stage } from './stage.ts';

/** One fault, and what must hold in it. It names no registry. */
export interface Scenario {
  /** What it is asked for by on the command line. */
  readonly name: string;
  /** What happens, for tables. */
  readonly fault: string;
  /** How many servers the registry has. Defaults to 1. */
  readonly nodes?: 1 | 3;
  /** Powers without which it doesn't apply to a registry. */
  readonly needs?: readonly Power[];
  /** What its recovery may have to wait for, in the worst case. */
  readonly bound: readonly Term[];
  /** Other settings than the suite's. */
  readonly settings?: Partial<Settings>;
  /** Takes the whole machine: it runs alone, and not with the tests. */
  readonly isHeavy?: boolean;
  /** Plays it, up to `stage.healed()`. */
  run(stage: Stage): Promise<void>;
}

/** Why the scenario doesn't apply to that registry; undefined where it does. */
export function whyNot({ needs = [] }: Scenario, { lacks }: RegistryKind): string | undefined {
  return needs.map((power) => lacks[power]).find((why) => why !== undefined);
}
