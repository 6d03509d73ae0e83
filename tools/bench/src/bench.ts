import type { RegistryType } from '@rollcall-tools/registries';
import type { inFreshProcess } from './fresh-process.ts';

/** One thing that is measured, beside what people would use instead. */
export interface Bench {
  /** What it is called on the command line. */
  readonly name: string;
  readonly title: string;
  /** The server that it starts; left out where it needs none. */
  readonly server?: RegistryType;
  run(options: BenchOptions): Promise<Result>;
}

export interface BenchOptions {
  /** Small and fast, to see that a bench works. Its figures mean nothing. */
  readonly quick: boolean;
  /** Says in one line what is being done now. */
  readonly progress: (line: string) => void;
  /** How a bench calls what must have a process of its own: {@link inFreshProcess}. */
  readonly fresh: typeof inFreshProcess;
}

export interface Result {
  readonly rows: readonly Row[];
  /** What a reader must know to read the rows. */
  readonly notes: readonly string[];
  /** Drawings for docs/images, which `--write` puts there. */
  readonly plots?: readonly Plot[];
}

export interface Plot {
  /** The name of the file, such as `policies.svg`. */
  readonly file: string;
  readonly svg: string;
}

/** One line of a table. */
export interface Row {
  readonly what: string;
  /** The unit of `ours` and `theirs`. */
  readonly unit: string;
  /** What Rollcall is compared with. */
  readonly peer?: string;
  readonly ours: number;
  readonly theirs?: number;
  /** `ours` divided by `theirs`, where that isn't nothing. */
  readonly ratio?: number;
  /** What was aimed at, in words. */
  readonly target?: string;
  readonly met?: boolean;
}

/** Makes a row, with the ratio of its two figures. */
export function row({
  what,
  unit,
  ours,
  peer,
  target,
}: {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer?: { readonly name: string; readonly figure: number };
  readonly target?: { readonly text: string; readonly met: boolean };
}): Row {
  return {
    what,
    unit,
    ours,
    ...(peer && { peer: peer.name, theirs: peer.figure }),
    ...(peer && peer.figure !== 0 && { ratio: ours / peer.figure }),
    ...(target && { target: target.text, met: target.met }),
  };
}
