import type { Progress } from '../contract.ts';

/** One way to get a server's programs. */
export interface Recipe {
  /** What it does, for people: `build with Go`. */
  readonly name: string;
  /** Why it can't be done on this machine, or undefined when it can be tried. Takes seconds at most. */
  obstacle(): Promise<string | undefined>;
  /** Leaves the programs in the folder `into`. Resolves with a few words about where they came from. */
  cook(into: string, progress: Progress): Promise<string>;
}
