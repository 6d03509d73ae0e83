/** What one check of `doctor` found. */
export interface Finding {
  /** Which check: `configuration`, `adapter`, … */
  readonly check: string;
  /** `skipped`: it doesn't apply here, or can't be tried after what failed before. */
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was seen. */
  readonly says: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** How long it took, where that tells something, in milliseconds. */
  readonly tookMs?: number;
}
