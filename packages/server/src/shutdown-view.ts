import type { Registry } from '@rollcall/core';

/** What the core waits for work at least, where no deadline is configured, in milliseconds. See `docs/shutdown.md`. */
const DEADLINE_MS = 30_000;
const WORK_MS = 15_000;

/** Work is cut this share of the deadline before it, and this long at most: what cut it can then still be told. */
const MARGIN = { share: 0.05, maxMs: 500 };

/** A registry's shutdown, seen from a server. */
export interface ShutdownView {
  /** What is left for the work under way, in milliseconds. */
  leftMs(): number;
  release(): void;
}

/**
 * Follows a shutdown by its events. `onDrained` is called when `OUT_OF_SERVICE` has stood long enough to be seen: callers that
 * must come back over another connection find that another instance is the better one.
 */
export function followShutdown(registry: Registry, onDrained: () => void): ShutdownView {
  const { deadlineMs: configured } = registry.config.shutdown;
  let startedAt: number | undefined;
  let propagationMs = 0;
  const release = registry.on((event) => {
    if (event.type !== 'shutdown') return;
    if (event.step === 'drain') {
      startedAt = performance.now() - event.tookMs;
      onDrained();
    }
    if (event.step === 'propagate') propagationMs = event.tookMs;
  });
  return {
    leftMs: () => {
      const deadlineMs = configured ?? Math.max(DEADLINE_MS, propagationMs + WORK_MS);
      const marginMs = Math.min(MARGIN.maxMs, MARGIN.share * deadlineMs);
      return Math.max(0, (startedAt ?? performance.now()) + deadlineMs - marginMs - performance.now());
    },
    release,
  };
}
