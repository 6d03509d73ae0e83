import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ProgramOptions {
  readonly id: string;
  /** The module to run, relative to this folder. */
  readonly module: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly onOutput: (line: string) => void;
  readonly onLog: (line: string) => void;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How many lines of its log are kept, to say why it died. */
const KEPT_LINES = 20;

/** A child process that runs one of the modules beside this one. */
export class Program {
  readonly id: string;
  readonly pid: number;
  /** Resolves when the process is gone and all its output was read. */
  readonly ended: Promise<ProgramEnd>;
  /** Whether its end is part of the story. */
  mayEnd = false;
  readonly #child: ChildProcess;
  readonly #log: string[] = [];

  constructor({ id, module, env, cwd, onOutput, onLog }: ProgramOptions) {
    const child = spawn(process.execPath, [...FROM_SOURCE, fileURLToPath(new URL(module, import.meta.url))], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    // Without a process id nothing was started; why not, the promise below tells.
    this.pid = child.pid ?? 0;
    this.id = id;
    this.#child = child;
    readLines(child.stdout, onOutput);
    readLines(child.stderr, (line) => {
      this.#log.push(line);
      if (this.#log.length > KEPT_LINES) this.#log.shift();
      onLog(line);
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => this.#log.push(error.message));
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  /** The last lines of its log. */
  get log(): string {
    return this.#log.join('\n');
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Both streams are pipes; the type does not know it when there is a channel as well. */
function readLines(input: Readable | null, onLine: (line: string) => void): void {
  if (input) createInterface({ input }).on('line', onLine);
}

/** The children run from source as this process does, wherever their working folder is. */
const FROM_SOURCE = [
  '--conditions=@rollcall/source',
  '--import',
  import.meta.resolve('tsx'),
  '--import',
  import.meta.resolve('./end-with-parent.ts'),
];
