import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** What is waited for, for the error's message. */
  readonly what: string;
  readonly withinMs: number;
  /** Milliseconds between two looks. Defaults to 50. */
  readonly everyMs?: number;
}

/**
 * Looks again and again until `look` gives something other than `undefined`, and resolves with that. A look that throws ends the wait at
 * once; when the time is over it rejects.
 */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  options: UntilOptions,
): Promise<T> {
  const deadline = performance.now() + options.withinMs;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- each look waits for the one before
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() >= deadline) throw new Error(`${options.what}: not within ${options.withinMs} ms`);
    // oxlint-disable-next-line no-await-in-loop
    await pause(options.everyMs ?? 50);
  }
}
