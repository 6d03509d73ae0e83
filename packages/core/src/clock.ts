import { performance } from 'node:perf_hooks';

/** Where the core takes time from. Injected, so that its state machines are tested without waiting. */
export interface Clock {
  /** Monotonic milliseconds, for deadlines and ages. It has no meaning outside this process. */
  now(): number;
  /** Milliseconds since the Unix epoch, for what is written down and read by others. */
  wallNow(): number;
  /** Calls `fn` once, after at least `delayMs`. The function that it returns cancels the call. */
  after(delayMs: number, fn: () => void): () => void;
}

/** A source of uniform numbers in [0, 1), as `Math.random`. */
export type Random = () => number;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Waits `delayMs`; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
