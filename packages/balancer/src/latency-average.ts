import { invalidArgument } from '@rollcall/core';
import type { Target } from './target.ts';

export interface LatencyOptions {
  /** The time in which a latency comes to count for 1/e of what it did, in milliseconds. Defaults to 10 000, as in Finagle. */
  readonly decayMs?: number;
  /**
   * A call that failed counts as one that took at least this long, in milliseconds: else who fails at once would look
   * quick and get every call. Defaults to 1 000.
   */
  readonly failureMs?: number;
}

/** All times are monotonic milliseconds. */
export interface MeasuredCall {
  readonly target: Target;
  readonly startedAt: number;
  /** When its answer began; 0: that isn't known. */
  readonly answeredAt: number;
}

/**
 * How long the calls of a target take: a moving average that follows a rise at once and a fall slowly, and that fades when there
 * are no calls, so that a slow one is tried again. Peak EWMA, as in Finagle
 * (https://github.com/twitter/finagle/blob/develop/finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/PeakEwma.scala).
 */
export class LatencyAverage {
  /** 1 / decay. */
  readonly #perMs: number;
  readonly #failureMs: number;

  /** @throws {RegistryError} `INVALID_ARGUMENT` */
  constructor({ decayMs = 10_000, failureMs = 1_000 }: LatencyOptions = {}) {
    if (!(decayMs > 0)) throw invalidArgument('policy.decayMs', 'must be above 0');
    if (!(failureMs >= 0)) throw invalidArgument('policy.failureMs', 'must be a number from 0');
    this.#perMs = 1 / decayMs;
    this.#failureMs = failureMs;
  }

  /** Takes a call in that has ended now. */
  observe({ target, startedAt, answeredAt }: MeasuredCall, isFailure: boolean, now: number): void {
    const tookMs = (answeredAt === 0 ? now : answeredAt) - startedAt;
    const least = isFailure ? this.#failureMs : MIN_MS;
    const ms = tookMs > least ? tookMs : least;
    const before = target.latencyMs;
    target.latencyMs = ms >= before ? ms : ms + (before - ms) * this.#left(now - target.latencyAt);
    target.latencyAt = now;
  }

  /** What it is now, in milliseconds. */
  of({ latencyMs, latencyAt }: Target, now: number): number {
    return latencyMs * this.#left(now - latencyAt);
  }

  /**
   * By how much of itself another average has faded more, or less, than this one: e^(Δt/decay). To compare two the time now isn't needed,
   * for both fade alike.
   */
  fadedMore(one: Target, other: Target): number {
    return power((other.latencyAt - one.latencyAt) * this.#perMs);
  }

  /** How much of an average is left after a time: e^(−t/decay). */
  #left(ms: number): number {
    return ms <= 0 ? 1 : power(-ms * this.#perMs);
  }
}

/** e^x. Near 0 it is Taylor's first three terms, right to a billionth: where there are many calls, time between them is short. */
function power(x: number): number {
  return x < 0.001 && x > -0.001 ? 1 + x * (1 + x / 2) : Math.exp(x);
}

/** 0 would say that no call has ended yet. */
const MIN_MS = 0.001;
