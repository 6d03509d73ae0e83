import type { Clock } from '../clock.ts';

/** Set back by more than this, the clock is believed, in milliseconds. */
const BELIEVED_MS = 1_000;

/**
 * Two microseconds. Node hands a time to the kernel in seconds, as a double that is cut to microseconds: two times one
 * microsecond apart can become the same.
 */
const STEP_MS = 0.002;

let last = 0;

/**
 * The time that a written entry gets, in milliseconds: no two of this process get the same, and later ones get
 * later times. So when two leases list one id, readers can tell which wrote last; the kernel's own stamps can't say,
 * they stand still for up to 10 ms.
 */
export function writeTime(clock: Clock): number {
  const now = clock.wallNow();
  last = now > last || last - now > BELIEVED_MS ? now : last + STEP_MS;
  return last;
}

/** The time of what is put over an entry of that time: later than that, and sooner than anything its owner writes afterwards. */
export function timeOver(entryMs: number): number {
  return entryMs + STEP_MS;
}
