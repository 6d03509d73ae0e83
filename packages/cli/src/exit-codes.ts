import type { RegistryErrorCode } from '@rollcall/core';
import { registryErrorCode } from './registry-error-code.ts';
import { UsageError } from './usage-error.ts';

/** What the exit codes mean; `docs/command-line.md` has them. */
export const EXIT = {
  ok: 0,
  /** It was tried, and it failed. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** The registry can't be reached, or didn't answer in time. */
  unreachable: 3,
  /** The registry refuses: credentials or rights. */
  refused: 4,
} as const;

const BY_CODE: ReadonlyMap<string, number> = new Map([
  ['INVALID_ARGUMENT', EXIT.usage],
  ['INVALID_CONFIG', EXIT.usage],
  ['UNAVAILABLE', EXIT.unreachable],
  ['DEADLINE_EXCEEDED', EXIT.unreachable],
  ['UNAUTHENTICATED', EXIT.refused],
  ['PERMISSION_DENIED', EXIT.refused],
] satisfies [RegistryErrorCode, number][]);

/** The exit code for what was thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return BY_CODE.get(registryErrorCode(error) ?? '') ?? EXIT.failed;
}
