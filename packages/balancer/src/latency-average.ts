import { invalid } from './invalid.ts';
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

/**
 * How long the calls of a target take: a moving average that follows a rise at once and a fall slowly, and that fades when there
 * are no calls, so that a slow one is tried again. Peak EWMA, as in Finagle
 * (https://github.com/twitter/finagle/blob/develop/finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/PeakEwma.scala).
 */
export class LatencyAverage {
  readonly #decayMs: number;
  readonly #failureMs: number;

  /** @throws {RegistryError} `INVALID_ARGUMENT` */
  constructor({ decayMs = 10_000, failureMs = 1_000 }: LatencyOptions = {}) {
    if (!(decayMs > 0)) throw invalid('policy.decayMs', 'must be above 0');
    if (!(failureMs >= 0)) throw invalid('policy.failureMs', 'must be a number from 0');
    this.#decayMs = decayMs;
    this.#failureMs = failureMs;
  }

  /** Takes a call in that has ended now. All times are monotonic milliseconds. */
  observe(target: Target, tookMs: number, isFailure: boolean, now: number): void {
    const ms = Math.max(tookMs, isFailure ? this.#failureMs : MIN_MS);
    const kept = this.#left(now - target.latencyAt);
    target.latencyMs = ms > target.latencyMs ? ms : target.latencyMs * kept + ms * (1 - kept);
    target.latencyAt = now;
  }

  /** What it is now, in milliseconds. */
  of({ latencyMs, latencyAt }: Target, now: number): number {
    return latencyMs * this.#left(now - latencyAt);
  }

  /** How much of an average is left after a time: e^(−t/decay). */
  #left(ms: number): number {
    return ms <= 0 ? 1 : Math.exp(-ms / this.#decayMs);
  }
}

/** 0 would say that no call has ended yet. */
const MIN_MS = 0.001;
