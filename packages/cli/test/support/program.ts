import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** How Node runs the program from source, from whichever folder. */
export const NODE_ARGS = [
  '--conditions=@rollcall/source',
  '--import',
  import.meta.resolve('tsx'),
  MAIN,
] as const;

/** The longest wait for what a program is to do, in milliseconds. */
const WAIT_MS = 30_000;

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs it at a terminal of 80 columns and 24 lines, with `script` of util-linux. */
  readonly atTerminal?: boolean;
  /** What is run instead of `rollcall`. */
  readonly command?: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `rollcall` that runs. */
export class Program {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  readonly #looks = new Set<() => void>();

  constructor(
    args: readonly string[],
    {
      cwd,
      env = {},
      atTerminal = false,
      command = [process.execPath, ...NODE_ARGS, ...args],
    }: ProgramOptions,
  ) {
    // A configuration of the user's own must not reach it.
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(?:ROLLCALL_|NO_COLOR|FORCE_COLOR)/.test(name),
    );
    const [file = '', ...rest] = atTerminal ? ['script', '-qfec', atSize(command), '/dev/null'] : command;
    // A group of its own, so that what it started can be ended with it.
    this.#child = spawn(file, rest, {
      detached: true,
      cwd,
      env: { ...Object.fromEntries(own), TERM: 'xterm', ...env },
    });
    this.#child.stdout
      ?.setEncoding('utf8')
      .on('data', (text: string) => this.#heard(() => (this.#stdout += text)));
    this.#child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => this.#heard(() => (this.#stderr += text)));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
        this.#heard(() => {});
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it and all that it started, however it stands. */
  end(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }

  /** Types at its terminal, or writes to its input. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Resolves when what it wrote fits; rejects with what it wrote when it ends or takes too long. */
  async shows(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) =>
        reject(new Error(`${why} and didn't write ${pattern}\n${this.#stdout}\n${this.#stderr}`));
      const look = () => {
        if (!pattern.test(this[stream])) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
      timer = setTimeout(() => fail('it ran on'), WAIT_MS);
      void this.ended.then(() => fail('it ended'));
    }).finally(() => clearTimeout(timer));
  }

  #heard(take: () => void): void {
    take();
    for (const look of this.#looks) look();
  }
}

/** Runs it to its end. */
export function rollcall(args: readonly string[], options: ProgramOptions): Promise<Ended> {
  const program = new Program(args, options);
  return program.ended;
}

function atSize(command: readonly string[]): string {
  const words = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  return `stty cols 80 rows 24 && exec ${words.join(' ')}`;
}
