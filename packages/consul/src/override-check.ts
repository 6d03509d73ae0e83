import { type InstanceOverride, overrideFromWire } from '@rollcall/core';
import { parseJsonObject } from '@rollcall/core/dialects';

/**
 * What the ID of the check starts with that stands for an operator's change of an entry; the entry's ID follows. A check
 * is all of an entry that others can add to without a touch on the rest, and the owner's next registration takes it off.
 */
export const OVERRIDE_CHECK = 'rollcall-override:';

/** What the notes of such a check say. */
export function writeOverride(change: InstanceOverride): string {
  return JSON.stringify(change);
}

/** The inverse of {@link writeOverride}. What somebody else wrote there changes nothing. */
export function readOverride(notes: unknown): InstanceOverride {
  try {
    return overrideFromWire(parseJsonObject(typeof notes === 'string' ? notes : ''));
  } catch {
    return {};
  }
}
