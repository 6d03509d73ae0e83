/** How every process of the suite is configured: small, so that the suite takes minutes. All in milliseconds. */
export interface Settings {
  readonly ttlMs: number;
  readonly verifyIntervalMs: number;
  readonly relistIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly holdMs: number;
  readonly backoff: { readonly baseMs: number; readonly capMs: number };
  /** Given to each bound on top of its formula: two busy cores start, wake and answer late. */
  readonly allowanceMs: number;
}

export const SETTINGS: Settings = {
  // Longer than an entry that a restarted server still has waits for its first beat: reconnect + backoff.
  ttlMs: 6_000,
  verifyIntervalMs: 2_000,
  relistIntervalMs: 1_000,
  requestTimeoutMs: 2_000,
  // Longer than registrants need after an outage: reconnect + 2 × request + 2 × backoff.
  holdMs: 12_000,
  backoff: { baseMs: 200, capMs: 2_000 },
  allowanceMs: 1_500,
};

/** What users have who set nothing; for scenarios that are about how much many clients ask for. */
export const DEFAULTS: Omit<Settings, 'allowanceMs'> = {
  ttlMs: 15_000,
  verifyIntervalMs: 30_000,
  relistIntervalMs: 60_000,
  requestTimeoutMs: 5_000,
  holdMs: 15_000,
  backoff: { baseMs: 200, capMs: 5_000 },
};
