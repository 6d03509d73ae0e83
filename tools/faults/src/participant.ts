import { type ChildProcess, fork } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineNow } from './machine-clock.ts';
import {
  type Answered,
  EXIT_WITHIN_MS,
  LEFTOVERS_EXIT_CODE,
  type Order,
  type Plan,
  type Reading,
  type Report,
} from './protocol.ts';

const PROGRAM = fileURLToPath(new URL('participant-process.ts', import.meta.url));

/** How long after its close a process is killed, in milliseconds: it reports leftovers itself before. */
const KILL_AFTER_MS = EXIT_WITHIN_MS * 3;

/** A frozen one would not notice that the suite ended. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A process of the suite, as the suite sees it. */
export class Participant {
  readonly name: string;
  readonly readings: Reading[] = [];
  /** What it told of itself, for people. */
  readonly trace: { readonly at: number; readonly line: string }[] = [];
  /** Everything that it wrote, logged or told, for the search for credentials. */
  readonly utterances: string[] = [];
  /** What must never happen: unhandled rejections, leaks, a process that doesn't end. */
  readonly troubles: string[] = [];
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  readonly #answers = new Map<string, { readonly error: { code: string; message: string } | undefined }>();
  readonly #exited: Promise<void>;
  #heapBytes: number | undefined;
  #isClosed = false;
  #isKilled = false;
  #hasExited = false;

  constructor(name: string, plan: Plan) {
    this.name = name;
    this.#child = fork(PROGRAM, {
      cwd: dirname(PROGRAM),
      execArgv: ['--conditions=@rollcall/source', '--import', 'tsx'],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => this.utterances.push(text));
    this.#child.on('message', (report: Report) => this.#hear(report));
    running.add(this.#child);
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        running.delete(this.#child);
        this.#hasExited = true;
        this.#note(`ended with ${signal ?? code}`);
        if (code === LEFTOVERS_EXIT_CODE) this.troubles.push(`it didn’t end by itself: ${this.#lastWords()}`);
        else if (code !== 0 && !this.#isKilled)
          this.troubles.push(`it ended with ${signal ?? code}: ${this.#lastWords()}`);
        this.#wake();
        resolve();
      });
    });
    this.#order({ order: 'begin', plan });
  }

  /** Whether it was told to close, or killed on purpose. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get latest(): Reading | undefined {
    return this.readings.at(-1);
  }

  /** Waits until the check gives something; it is asked again after whatever the process tells. */
  async until<T>(what: string, withinMs: number, check: () => T | undefined): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const fail = (why: string) =>
        settle(() => {
          const last = JSON.stringify(this.latest);
          reject(new Error(`${this.name}: ${what}: ${why}; it last saw ${last}`));
        });
      const look = () => {
        const result = check();
        if (result !== undefined) settle(() => resolve(result));
        else if (this.#hasExited) fail(`the process ended: ${this.#lastWords()}`);
      };
      const timer = setTimeout(() => fail(`not within ${Math.round(withinMs)} ms`), withinMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** How its first `load()`, or an order, ended. */
  async answer(to: Answered, withinMs: number): Promise<{ code: string; message: string } | undefined> {
    const { error } = await this.until(`answer to ${to}`, withinMs, () => this.#answers.get(to));
    return error;
  }

  /** SIGSTOP. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
    this.#note('frozen');
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child.kill('SIGCONT');
    this.#note('thawed');
  }

  async deregister(withinMs: number): Promise<void> {
    this.#order({ order: 'deregister' });
    const error = await this.answer('deregister', withinMs);
    if (error) throw new Error(`${this.name}: deregister: ${error.message}`);
  }

  /** Changes all its instances again and again; resolves when the registry took the last change. */
  async churn(rounds: number, leavers: number, withinMs: number): Promise<void> {
    this.#order({ order: 'churn', rounds, leavers });
    const error = await this.answer('churn', withinMs);
    if (error) throw new Error(`${this.name}: churn: ${error.message}`);
  }

  /** The memory that it uses, in bytes, without garbage. */
  async weigh(): Promise<number> {
    this.#heapBytes = undefined;
    this.#order({ order: 'weigh' });
    return await this.until('its memory', 10_000, () => this.#heapBytes);
  }

  /** Closes its registry handle. A process that doesn't end by itself then is a trouble. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#hasExited) this.#order({ order: 'close' });
    const timer = setTimeout(() => {
      this.troubles.push('it neither closed nor ended');
      this.#child.kill('SIGKILL');
    }, KILL_AFTER_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** SIGKILL: it dies, and says nothing to the registry. */
  async crash(): Promise<void> {
    this.#isClosed = true;
    this.#isKilled = true;
    await this.kill();
  }

  /** For a scenario that failed: whatever the process is doing. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #order(order: Order): void {
    // It may be gone already; its end is noticed elsewhere.
    this.#child.send(order, () => {});
  }

  #hear(report: Report): void {
    switch (report.report) {
      case 'reading':
        this.readings.push(report.reading);
        break;
      case 'event':
        this.trace.push({ at: report.at, line: report.line });
        this.utterances.push(report.everything);
        break;
      case 'answer':
        this.#answers.set(report.to, { error: report.error });
        this.#note(`${report.to}: ${report.error?.code ?? 'done'}`);
        if (report.error) this.utterances.push(report.error.message);
        break;
      case 'weight':
        this.#heapBytes = report.heapBytes;
        break;
      case 'trouble':
        this.troubles.push(report.what);
        this.utterances.push(report.what);
        this.#note(report.what);
        break;
      case 'closed':
        this.#note('closed');
        break;
      default:
        report satisfies never;
    }
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #note(line: string): void {
    this.trace.push({ at: machineNow(), line });
  }

  #lastWords(): string {
    return this.utterances.join('').trimEnd().slice(-600);
  }
}
