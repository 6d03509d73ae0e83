import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface ServerProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Besides this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error are added to this file: a pipe would stall a server whose reader is frozen. */
  readonly logFile: string;
  /** Holds the process id while the server runs. */
  readonly pidFile: string;
}

/** Short, because what a server would write in the end is thrown away with its folder. */
const TERM_GRACE_MS = 1_000;

/** One run of one server. */
export class ServerProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #running = true;

  /** Rejects when the program can't be started at all. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const log = openSync(options.logFile, 'a');
    try {
      const child = spawn(options.program, options.args, {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        stdio: ['ignore', log, log],
        // A process group of its own, so that Ctrl-C in the terminal reaches us first and we stop it in order.
        detached: true,
      });
      if (child.pid === undefined) {
        const cause = await new Promise<Error>((resolve) => {
          child.once('error', resolve);
        });
        throw new Error(`${options.program} can't be started: ${cause.message}`, { cause });
      }
      writeFileSync(options.pidFile, String(child.pid));
      return new ServerProcess(child, child.pid, options.pidFile);
    } finally {
      closeSync(log);
    }
  }

  private constructor(child: ChildProcess, pid: number, pidFile: string) {
    this.#child = child;
    this.pid = pid;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#running = false;
        rmSync(pidFile, { force: true });
        resolve();
      });
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** SIGKILL, and resolves when the process is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }

  /** SIGTERM, and SIGKILL when that does not end it within a second. A frozen server is woken first. */
  async stop(): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const done = new AbortController();
    const patience = pause(TERM_GRACE_MS, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([this.#exited, patience]);
    done.abort();
    await this.kill();
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal);
  }

  /** Lets this process end while the server runs on. */
  unref(): void {
    this.#child.unref();
  }
}

/** The end of a log, for error messages. */
export function tailOf(logFile: string, characters = 1_500): string {
  try {
    return readFileSync(logFile, 'utf8').slice(-characters);
  } catch {
    return '';
  }
}
