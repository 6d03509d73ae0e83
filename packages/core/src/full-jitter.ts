import type { Random } from './clock.ts';

export interface BackoffOptions {
  /** The upper bound of the first wait, in milliseconds. */
  readonly baseMs: number;
  /** The upper bound of every wait, in milliseconds. */
  readonly capMs: number;
}

/**
 * "Full jitter": a uniform wait in [0, min(cap, base · 2^attempt)), so that thousands of clients that lost the same
 * registry come back spread out
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt 0 for the first wait.
 */
export function fullJitter(attempt: number, { baseMs, capMs }: BackoffOptions, random: Random): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** A period that is spread by ±`share`, so that many clients don't stay in step. */
export function jittered(periodMs: number, share: number, random: Random): number {
  return periodMs * (1 - share + 2 * share * random());
}
