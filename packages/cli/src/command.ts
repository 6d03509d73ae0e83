import type { ParsedLine } from './command-line.ts';

/** An option of a command. */
export interface Option {
  /** A `boolean` takes no value. */
  readonly type: 'string' | 'boolean';
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly short?: string;
  /** What its value is, for the help: `HOST`. */
  readonly value?: string;
  readonly says: string;
}

/** One word of the command line, and what it does. */
export interface Command {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What follows its name, as in `SERVICE ID`. */
  readonly operands: string;
  /** How many operands there may be, and how many there must be. */
  readonly arity: { readonly min: number; readonly max: number };
  /** Whether `-- COMMAND ARGS…` may follow. */
  readonly takesCommand?: boolean;
  /** Whether it needs a registry, and so has the options that select one. */
  readonly needsRegistry: boolean;
  readonly options: Readonly<Record<string, Option>>;
  /** The rest of its help: what to know, and examples. */
  readonly details: string;
  /** @returns the exit code. */
  run(line: ParsedLine): Promise<number> | number;
}
