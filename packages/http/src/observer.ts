import type { ServiceInstance } from '@rollcall/core';
import type { CallRequest } from './options.ts';

/** A call that begins, as an observer sees it. */
export interface ObservedRequest extends CallRequest {
  /** As the caller wrote it, without credentials: `http://user-service`. */
  readonly origin: string;
}

/** One try that is about to be sent. */
export interface AttemptStart {
  readonly instance: ServiceInstance;
  /** `retry`: the try before failed. `hedge`: one is under way and slow. */
  readonly kind: 'first' | 'retry' | 'hedge';
  /** Which try of the call it is, from 1 on. */
  readonly attempt: number;
}

/** How one try ended, or a whole call. */
export interface ObservedEnd {
  /** Of the answer, where one came. */
  readonly status?: number;
  /** Why there was none, or why it broke off. */
  readonly error?: Error;
  /** Another try answered before this one, which was called off. It says nothing of its instance. */
  readonly isCancelled?: boolean;
}

export interface AttemptObserver {
  /** Sent with this try, in place of what the call has under these names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told once: when the answer was read to its end, or there is none. */
  onEnd?(end: ObservedEnd): void;
}

export interface CallObserver {
  /** Told of each try before it is sent. */
  onAttempt?(attempt: AttemptStart): AttemptObserver | undefined;
  /** Told once, also of a call that was never sent. Tries that are called off by that end after it. */
  onEnd?(end: ObservedEnd): void;
}

/**
 * Follows calls from their start to their end, for traces and metrics. It is called in the caller's own asynchronous context, and what
 * it gives is called wherever the network's events come. What an observer throws is lost.
 *
 * @returns who is told the rest of this call; `undefined` for nobody.
 */
export type HttpObserver = (request: ObservedRequest) => CallObserver | undefined;

/** Lets whoever watches a call throw without ending it. */
export function unharmed<T>(watch: () => T): T | undefined {
  try {
    return watch();
  } catch {
    return undefined;
  }
}
