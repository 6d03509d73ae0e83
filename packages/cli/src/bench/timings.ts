/** How long calls took. */
export interface Timings {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Calls that were made as fast as the registry took them. */
export interface Rate extends Timings {
  /** From the first call until the last answer, in milliseconds. */
  readonly tookMs: number;
  readonly perSecond: number;
}

/** Quantiles by nearest rank: each is a time that was measured. All are 0 where nothing was. */
export function timingsOf(tookMs: readonly number[]): Timings {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/**
 * Does what `work` hands out, `atOnce` at a time, until there is no more or the signal aborts. What has begun is waited for, also after
 * a failure, which then is thrown.
 */
export async function measureRate(
  work: Iterator<() => Promise<unknown>>,
  { atOnce, signal }: { readonly atOnce: number; readonly signal: AbortSignal },
): Promise<Rate> {
  const tookMs: number[] = [];
  const failures: unknown[] = [];
  const began = performance.now();
  const worker = async (): Promise<void> => {
    while (!signal.aborted && failures.length === 0) {
      const next = work.next();
      if (next.done) return;
      const sentAt = performance.now();
      await next.value().then(
        () => tookMs.push(performance.now() - sentAt),
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const all = performance.now() - began;
  if (failures.length > 0) throw failures[0];
  return {
    ...timingsOf(tookMs),
    tookMs: all,
    perSecond: all > 0 ? (tookMs.length * 1_000) / all : 0,
  };
}
