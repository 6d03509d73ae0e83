import type { Term } from './bound.ts';
import type { Operator } from './registry-kind.ts';
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
  readonly needs?: readonly (keyof Operator)[];
  /** What its recovery may have to wait for, in the worst case. */
  readonly bound: readonly Term[];
  /** Plays it, up to `stage.healed()`. */
  run(stage: Stage): Promise<void>;
}
