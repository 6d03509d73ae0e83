import { sleep, type Clock } from './clock.ts';
import { createController, withDeadline } from './deadline.ts';
import { RegistryError, toRegistryError } from './errors.ts';
import type { Events } from './events.ts';
import type { Registration } from './registration.ts';

/**
 * The way out, in order:
 *
 * | step | does |
 * |---|---|
 * | `drain` | says `OUT_OF_SERVICE` in the registry, for long enough to be seen: who leaves after that isn't missed |
 * | `deregister` | stops the beats, removes the entry, and reads back that it is gone |
 * | `propagate` | goes on serving until callers have seen that |
 * | `stop-accepting` | your hook: takes no new work |
 * | `finish-work` | your hook: ends what is under way |
 * | `close` | ends watches, closes the connection to the registry |
 */
export type ShutdownStep = 'drain' | 'deregister' | 'propagate' | 'stop-accepting' | 'finish-work' | 'close';

/** What your program does on the way out. */
export interface ShutdownHooks {
  /**
   * `OUT_OF_SERVICE` has stood for long enough to be seen, or could not be said: callers that are sent away now find another instance.
   * It is not waited for.
   */
  readonly drained?: () => void;
  /** Stops taking new work, such as `() => void server.close()`. */
  readonly stopAccepting?: (signal: AbortSignal) => unknown;
  /**
   * Resolves when the work under way has ended. In `leftMs` milliseconds its signal aborts: what is left must be cut then, and an error that
   * says so is what the step's report has. That is shortly before the deadline, a twentieth of what is left of it and 500 ms at most, so that there is time for it.
   */
  readonly finishWork?: (signal: AbortSignal, leftMs: number) => unknown;
}

export interface ShutdownStepReport {
  readonly step: ShutdownStep;
  readonly tookMs: number;
  /** Why the step failed. The next one was taken all the same. */
  readonly error?: RegistryError;
}

export interface ShutdownReport {
  readonly steps: readonly ShutdownStepReport[];
  /** Whether every step did what it should. */
  readonly clean: boolean;
}

export interface ShutdownPlan {
  readonly clock: Clock;
  readonly events: Events;
  readonly registrations: readonly Registration[];
  readonly hooks: readonly ShutdownHooks[];
  /** For each of the two steps that need the registry, in milliseconds. */
  readonly registryTimeoutMs: number;
  /** How long `OUT_OF_SERVICE` stands before the entry is removed, in milliseconds. */
  readonly noticeMs: number;
  readonly propagationDelayMs: number;
  /** For everything together, in milliseconds. What is left of it when work is to be finished is the work's. */
  readonly deadlineMs: number;
  readonly close: () => Promise<void>;
}

/** Takes every step, each under its deadline and whatever became of the one before. */
export async function runShutdown(plan: ShutdownPlan): Promise<ShutdownReport> {
  const { clock, registrations, hooks, registryTimeoutMs } = plan;
  const startedAt = clock.now();
  const steps: ShutdownStepReport[] = [];
  const leftMs = () => Math.max(0, startedAt + plan.deadlineMs - clock.now());
  const take = async (name: ShutdownStep, done: Promise<unknown>) => {
    const began = clock.now();
    const report = await done.then(
      () => ({ step: name, tookMs: clock.now() - began }),
      (error: unknown) => ({ step: name, tookMs: clock.now() - began, error: toRegistryError(error, name) }),
    );
    steps.push(report);
    plan.events.emit({ type: 'shutdown', ...report });
  };
  const step = (
    name: ShutdownStep,
    timeoutMs: number,
    run: (signal: AbortSignal) => Promise<unknown>,
  ): Promise<void> => take(name, attempt(clock, name, Math.min(timeoutMs, leftMs()), run));
  const listed = registrations.filter(({ state }) => state === 'registered');

  await step('drain', registryTimeoutMs, async (signal) => {
    if (listed.length === 0) return;
    await every(listed, (one) => one.drain({ signal }));
    await sleep(clock, plan.noticeMs, signal);
  });
  for (const { drained } of hooks) {
    try {
      drained?.();
    } catch (error) {
      plan.events.emit({ type: 'warning', message: `a shutdown hook threw when drained: ${String(error)}` });
    }
  }
  await step('deregister', 2 * registryTimeoutMs, (signal) =>
    every(registrations, (one) => one.deregister({ signal })),
  );
  // Callers can only know of an instance that was listed.
  const delayMs = listed.length > 0 ? plan.propagationDelayMs : 0;
  await step('propagate', Infinity, (signal) => sleep(clock, delayMs, signal));
  await step('stop-accepting', Infinity, (signal) =>
    every(hooks, async (hook) => hook.stopAccepting?.(signal)),
  );
  await take('finish-work', finishWork(clock, hooks, leftMs()));
  await step('close', registryTimeoutMs, plan.close);
  return { steps, clean: steps.every(({ error }) => !error) };
}

/** A step whose time is used up still gets a turn: what needs no waiting is done. */
function attempt(
  clock: Clock,
  step: ShutdownStep,
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  if (timeoutMs === Infinity) return run(new AbortController().signal);
  return withDeadline({ clock, timeoutMs, doing: `shutdown: ${step}`, signals: [] }, run);
}

/** What of the time that is left is kept for hooks to say how the work ended, of which at most so much, in milliseconds. */
const LAST_WORD = { share: 0.05, maxMs: 500 };

/** The time for the last word runs from the abort: a process that stood still until after the deadline has it too. */
function finishWork(clock: Clock, hooks: readonly ShutdownHooks[], leftMs: number): Promise<void> {
  const lastWordMs = Math.min(LAST_WORD.maxMs, LAST_WORD.share * leftMs);
  const workMs = leftMs - lastWordMs;
  const controller = createController();
  const work = every(hooks, async (hook) => hook.finishWork?.(controller.signal, workMs));
  return new Promise((resolve, reject) => {
    let cancel = clock.after(workMs, () => {
      const tooLong = new RegistryError(
        'DEADLINE_EXCEEDED',
        'the work under way had not ended at shutdown.deadlineMs: make that longer, or such work shorter',
      );
      controller.abort(tooLong);
      cancel = clock.after(lastWordMs, () => reject(tooLong));
    });
    work.then(resolve, reject).finally(() => cancel());
  });
}

/** Does it to all, and fails with the first failure only after each was tried. */
async function every<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const results = await Promise.allSettled(items.map(run));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
