import type { AdapterCapabilities, Lease } from '@rollcall/core';
import type { AdapterHarness } from './harness.ts';

/** A harness with every time worked out. All are in milliseconds. */
export interface Setting {
  readonly harness: AdapterHarness;
  readonly capabilities: AdapterCapabilities;
  /** The TTL of tests that wait for one to pass. */
  readonly ttlMs: number;
  /** The TTL of tests that expiry must stay out of. */
  readonly calmTtlMs: number;
  /** A change must be seen within this. */
  readonly visibleMs: number;
  readonly slackMs: number;
  readonly callMs: number;
  /** An entry must be gone this long after its client crashed. */
  goneMs(lease: Lease): number;
  /** More than any test takes. */
  readonly testMs: number;
}

/** How soon after its signal aborts a call must settle. */
export const ABORT_MS = 1_000;

export function settingOf(harness: AdapterHarness): Setting {
  const { capabilities } = harness.sample;
  const { propagationMs, crashSlackMs, ttlRangeMs } = capabilities;
  const slackMs = harness.slackMs ?? 1_000;
  const callMs = harness.callTimeoutMs ?? 5_000;
  const within = (ms: number) => Math.min(Math.max(ms, ttlRangeMs.min), ttlRangeMs.max);
  const ttlMs = within(harness.ttlMs ?? 1_000);
  const visibleMs = propagationMs + slackMs;
  return {
    harness,
    capabilities,
    ttlMs,
    calmTtlMs: within(60_000),
    visibleMs,
    slackMs,
    callMs,
    goneMs: (lease) => lease.ttlMs + crashSlackMs + visibleMs,
    testMs: 30_000 + 10 * callMs + 4 * (ttlMs + crashSlackMs) + 12 * visibleMs,
  };
}
