import type { SkippedEntry } from '@rollcall/core';
import { warn } from './output.ts';

/** Tells of entries that the registry has, but that can't be read as instances. */
export function warnOfSkipped(skipped: readonly SkippedEntry[]): void {
  for (const { key, reason } of skipped) warn(`skipped ${key}: ${reason}`);
}
