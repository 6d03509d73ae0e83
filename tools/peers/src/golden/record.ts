import { setTimeout as pause } from 'node:timers/promises';

import type { Peer } from '../peer.ts';

/** What stands in a registry, by place. */
export type RawEntries = ReadonlyMap<string, unknown>;

export interface Recording<Given> {
  readonly peer: Peer<Given, unknown>;
  readonly cases: Readonly<Record<string, Given>>;
  /** All that stands where the framework writes. */
  readonly read: () => Promise<RawEntries>;
  /** How many entries the framework makes of one instance. Defaults to 1. */
  readonly entriesOf?: (given: Given) => number;
}

const WITHIN_MS = 20_000;
const EVERY_MS = 100;

/** Lets a peer register one case after the other, and tells what each left in the registry. Stops the peer. */
export async function record<Given>({
  peer,
  cases,
  read,
  entriesOf = () => 1,
}: Recording<Given>): Promise<Record<string, unknown>> {
  try {
    const recorded: Record<string, unknown> = {};
    const known = new Set((await read()).keys());
    for (const [name, given] of Object.entries(cases)) {
      // oxlint-disable-next-line no-await-in-loop -- else nobody knew which entry is whose
      await peer.register(given);
      // oxlint-disable-next-line no-await-in-loop
      const added = await newEntries(read, known, entriesOf(given));
      for (const [i, [place, raw]] of added.entries()) {
        known.add(place);
        recorded[i === 0 ? name : `${name} (${i + 1})`] = raw;
      }
    }
    return recorded;
  } finally {
    await peer.stop();
  }
}

async function newEntries(
  read: () => Promise<RawEntries>,
  known: ReadonlySet<string>,
  count: number,
): Promise<[string, unknown][]> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- it waits for a condition
    const added = [...(await read())].filter(([place]) => !known.has(place));
    if (added.length === count) return added.toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (performance.now() > deadline) {
      throw new Error(`${count} new entries were expected, and there are ${added.length}`);
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(EVERY_MS);
  }
}
