import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.ts';
import { RegistryError, toRegistryError } from './errors.ts';

/** An `AbortController` whose signal may have many listeners: one for each call that is under way. */
export function createController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** An `AbortController` that also aborts when one of its parents does; {@link release} forgets the parents. */
export interface LinkedController {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  release(): void;
}

/**
 * Links a new controller to signals that may live much longer than it. `AbortSignal.any` would do, but in Node 20
 * each of its results stays reachable from a long-lived source (https://github.com/nodejs/node/issues/54614).
 */
export function linkSignals(...parents: readonly (AbortSignal | undefined)[]): LinkedController {
  const controller = createController();
  const present = parents.filter((parent) => parent !== undefined);
  const listeners = present.map((parent) => {
    const onAbort = () => controller.abort(parent.reason);
    if (parent.aborted) onAbort();
    else parent.addEventListener('abort', onAbort, { once: true });
    return onAbort;
  });
  return {
    controller,
    signal: controller.signal,
    release: () =>
      present.forEach((parent, i) => parent.removeEventListener('abort', listeners[i] as () => void)),
  };
}

/** Settles as the promise does, or rejects with the signal's reason as soon as it aborts. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What is being done; it starts the error's message. */
  readonly doing: string;
  readonly signals: readonly (AbortSignal | undefined)[];
}

/**
 * Runs `run` under a deadline, even where it doesn't heed its signal.
 *
 * @throws {RegistryError} `DEADLINE_EXCEEDED` after `timeoutMs`; `ABORTED` when a signal ended it, or that signal's
 * reason where it is a `RegistryError`; else what `run` threw, as {@link toRegistryError} has it.
 */
export async function withDeadline<T>(
  { clock, timeoutMs, doing, signals }: DeadlineOptions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const link = linkSignals(...signals);
  const cancel = clock.after(timeoutMs, () => {
    link.controller.abort(
      new RegistryError('DEADLINE_EXCEEDED', `${doing}: no answer within ${Math.round(timeoutMs)} ms`),
    );
  });
  try {
    return await orAbort(run(link.signal), link.signal);
  } catch (error) {
    throw link.signal.aborted ? abortError(link.signal, doing) : toRegistryError(error, doing);
  } finally {
    cancel();
    link.release();
  }
}

/**
 * The error of a wait that a signal ended: its reason where that is a `RegistryError`, `DEADLINE_EXCEEDED` for a
 * timeout's, else `ABORTED`.
 *
 * @param doing what was being done; it starts the message.
 */
export function abortError(signal: AbortSignal, doing: string): RegistryError {
  const reason: unknown = signal.reason;
  if (reason instanceof RegistryError) return reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') return toRegistryError(reason, doing);
  return new RegistryError('ABORTED', `${doing}: aborted`, { cause: signal.reason });
}
