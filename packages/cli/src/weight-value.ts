import { MAX_WEIGHT } from '@rollcall/core';
import { UsageError } from './usage-error.ts';

/**
 * Reads a weight.
 *
 * @param what it is of, for the message: `--weight`.
 * @throws {UsageError}
 */
export function parseWeight(what: string, text: string, command: string): number {
  const weight = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && weight <= MAX_WEIGHT) return weight;
  throw new UsageError(`${what} is a number from 0 to ${MAX_WEIGHT}, not ${text}`, command);
}
