import { UsageError } from './usage-error.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The longest that a timer of Node can wait, in milliseconds. */
const MAX_MS = 2_147_483_647;

/**
 * Reads a duration with its unit, such as `500ms`, `10s` or `2m`, in milliseconds.
 *
 * @throws {UsageError} that names the option.
 */
export function parseDuration(option: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Math.round(Number(digits) * (UNITS_MS[unit ?? ''] ?? Number.NaN));
  if (ms >= 1 && ms <= MAX_MS) return ms;
  throw new UsageError(`--${option} takes a duration such as 500ms, 10s or 2m, not ${text}`);
}

/** A duration as people say it: `85 ms`, `3.2 s`, `4 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.floor(ms / 1_000)} s`;
  return `${Math.floor(ms / 60_000)} min`;
}
