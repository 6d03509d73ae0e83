import assert, { AssertionError } from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { RegistryError } from '@rollcall/core';

/**
 * Looks again and again until the look no longer throws an `AssertionError`, and gives what it returned. Any other
 * error is thrown at once: an adapter's failure isn't waited out.
 */
export async function eventually<T>(what: string, withinMs: number, look: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + withinMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      const leftMs = end - performance.now();
      if (leftMs <= 0) {
        throw new AssertionError({
          message: `${what}: not within ${withinMs} ms. The last look: ${error.message}`,
          actual: error.actual,
          expected: error.expected,
        });
      }
      await pause(Math.min(pauseMs, leftMs));
    }
  }
}

/** Looks again and again for as long as told; what the look throws is thrown. */
export async function throughout(forMs: number, look: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + forMs;
  do {
    await look();
    await pause(10);
  } while (performance.now() < end);
  await look();
}

/** Passes on how `promise` settles, and fails when it doesn't settle in time. */
export async function settles<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const fail = () => reject(new AssertionError({ message: `${what} didn't settle within ${withinMs} ms` }));
    timer = setTimeout(fail, withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The `RegistryError` that `promise` must reject with, in time. */
export async function rejection(
  what: string,
  withinMs: number,
  promise: Promise<unknown>,
): Promise<RegistryError> {
  const outcome = await settles(
    what,
    withinMs,
    promise.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  );
  assert.ok(outcome, `${what} must reject, but it resolved`);
  return registryError(what, outcome.error);
}

export function registryError(what: string, error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return assert.fail(`${what} must reject with a RegistryError, but it rejected with ${String(error)}`);
}
