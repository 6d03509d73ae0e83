import { setTimeout as pause } from 'node:timers/promises';

import { Program } from './program.ts';
import type { CallCounts, CallerMessage, ListedInstance, Tell } from './story-event.ts';

/** The block `registry` of a configuration. */
export interface RegistrySettings {
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface StageOptions {
  /** Of the programs that are started from now on. */
  readonly registry: RegistrySettings;
  readonly ttlMs: number;
  readonly callsPerSecond: number;
  /** The working folder of the processes. */
  readonly folder: string;
  readonly tell: Tell;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

/** How long an instance that leaves goes on serving, in milliseconds: callers see it leave in far less. */
const PROPAGATION_DELAY_MS = 1_000;

/** A graceful shutdown takes this long, in milliseconds, at most. */
const LEAVE_MS = 15_000;

/** The processes that play, and what is seen of them. */
export class Stage {
  /** As the caller that was started last sees it. */
  listed: ReadonlyMap<string, ListedInstance> = new Map();
  readonly #options: StageOptions;
  #registry: RegistrySettings;
  #newestCaller = '';
  readonly #countsOf = new Map<string, CallCounts>();
  readonly #programs = new Set<Program>();
  readonly #waiting = new Set<() => void>();
  /** Aborts when the story can't go on. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;

  constructor(options: StageOptions) {
    this.#options = options;
    this.#registry = options.registry;
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
  }

  startInstance(id: string): Program {
    return this.#start(id, './instance.ts', { INSTANCE: id }, () => undefined);
  }

  startCaller(id = 'caller'): Program {
    this.listed = new Map();
    this.#newestCaller = id;
    this.#countsOf.set(id, { calls: 0, retried: 0, failed: 0, byInstance: {} });
    const pace = { CALLS_PER_SECOND: String(this.#options.callsPerSecond) };
    return this.#start(id, './caller.ts', pace, (line) => this.#hear(id, line));
  }

  /** Programs that are started from now on use another registry. */
  use(registry: RegistrySettings): void {
    this.#registry = registry;
  }

  /** The calls of every caller that there was. */
  get counts(): CallCounts {
    const all = [...this.#countsOf.values()];
    const byInstance: Record<string, number> = {};
    for (const [id, calls] of all.flatMap((counts) => Object.entries(counts.byInstance)))
      byInstance[id] = (byInstance[id] ?? 0) + calls;
    const sum = (field: 'calls' | 'retried' | 'failed') => all.reduce((n, counts) => n + counts[field], 0);
    return { calls: sum('calls'), retried: sum('retried'), failed: sum('failed'), byInstance };
  }

  /** Resolves when the check says yes; it is asked again whenever something is heard. Rejects after `withinMs`. */
  until(what: string, withinMs: number, check: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        this.#signal.removeEventListener('abort', stop);
        settle();
      };
      const look = (): void => {
        if (check()) end(resolve);
      };
      const stop = (): void => end(() => reject(this.#signal.reason));
      const timer = setTimeout(() => {
        end(() => reject(new Error(`${what}: not within ${withinMs / 1_000} s`)));
      }, withinMs);
      this.#waiting.add(look);
      this.#signal.addEventListener('abort', stop);
      if (this.#signal.aborted) stop();
      else look();
    });
  }

  /** Lets the calls flow for a while. */
  async letFlow(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
  }

  /** Resolves when it has ended in good order. Rejects when not, and after `withinMs`. */
  async ended(program: Program, withinMs: number): Promise<void> {
    await this.until(`the end of ${program.id}`, withinMs, () => !this.#programs.has(program));
    await endedWell(program);
  }

  /** Asks all to leave, and resolves when they have, in good order. */
  async leave(): Promise<void> {
    const programs = [...this.#programs];
    for (const program of programs) {
      program.mayEnd = true;
      program.kill('SIGTERM');
    }
    await this.until('the end of all processes', LEAVE_MS, () => this.#programs.size === 0);
    await Promise.all(programs.map((program) => endedWell(program)));
  }

  /** Kills what still runs. */
  async clear(): Promise<void> {
    const ends = Array.from(this.#programs, (program) => {
      program.mayEnd = true;
      program.kill('SIGKILL');
      return program.ended;
    });
    await Promise.all(ends);
  }

  #start(id: string, module: string, extra: NodeJS.ProcessEnv, onOutput: (line: string) => void): Program {
    const { folder, tell } = this.#options;
    const onLog = (line: string): void => tell({ event: 'log', id, line });
    const env = { ...this.#environment(), ...extra };
    const program = new Program({ id, module, cwd: folder, env, onOutput, onLog });
    this.#programs.add(program);
    tell({ event: 'process-started', id, pid: program.pid });
    void this.#follow(program);
    return program;
  }

  /** An end that nobody asked for ends the story. */
  async #follow(program: Program): Promise<void> {
    const { id, pid } = program;
    const { code, signal } = await program.ended;
    this.#programs.delete(program);
    this.#options.tell({ event: 'process-ended', id, pid, code, signal });
    if (!program.mayEnd) {
      this.#over.abort(
        new Error(`${id} ended by itself (${signal ?? `exit code ${code}`}):\n${program.log}`),
      );
    }
    this.#look();
  }

  /** A configuration of the user's own must not reach the programs: the story is about this one. */
  #environment(): NodeJS.ProcessEnv {
    const registry = this.#registry;
    const { ttlMs } = this.#options;
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('ROLLCALL_'));
    return {
      ...Object.fromEntries(others),
      ROLLCALL_REGISTRY_TYPE: registry.type,
      ROLLCALL_REGISTRY_OPTIONS: JSON.stringify(registry.options),
      ROLLCALL_REGISTRATION_TTL_MS: String(ttlMs),
      ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: String(PROPAGATION_DELAY_MS),
    };
  }

  #hear(caller: string, line: string): void {
    const message: CallerMessage = JSON.parse(line);
    if (message.type === 'list') {
      if (caller !== this.#newestCaller) return;
      const { instances } = message;
      this.listed = new Map(instances.map((instance) => [instance.id, instance]));
      this.#options.tell({ event: 'list', instances });
    } else {
      const { type: _type, ...counts } = message;
      this.#countsOf.set(caller, counts);
      this.#options.tell({ event: 'calls', ...this.counts });
    }
    this.#look();
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}

async function endedWell({ id, ended, log }: Program): Promise<void> {
  const { code, signal } = await ended;
  if (code !== 0) throw new Error(`${id} was to end with exit code 0, but it was ${signal ?? code}:\n${log}`);
}
