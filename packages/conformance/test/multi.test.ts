import {
  loadConfig,
  MemoryStore,
  memoryAdapter,
  systemClock,
  type InstanceKey,
  type RegistryAdapter,
} from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { adapter as multi } from '../../core/src/multi/index.ts';
import { adapterConformance } from '../src/index.ts';

const { config } = await loadConfig({
  env: {},
  cwd: import.meta.dirname,
  overrides: {
    backoff: { baseMs: 50, capMs: 200 },
    // The kit is about what the registries tell; that the core doubts it sometimes is another thing.
    discovery: { protection: false },
  },
});

/** A client of several memory registries at once. */
function client(stores: readonly MemoryStore[], read: 'merged' | 'first'): Promise<RegistryAdapter> {
  const sources = stores.map((_store, i) => ({
    name: `source ${i}`,
    type: String(i),
    options: {},
    use: 'both' as const,
  }));
  const storeOf = (i: number): MemoryStore => {
    const store = stores[i];
    if (!store) throw new Error(`there is no store ${i}`);
    return store;
  };
  return multi.create(
    { read, sources },
    {
      clock: systemClock,
      warn: () => {},
      compose: {
        random: Math.random,
        config,
        adapter: (type) => Promise.resolve(memoryAdapter({ store: storeOf(Number(type)) })),
      },
    },
  );
}

const cases = {
  'merged, of two': { read: 'merged', down: false },
  'the first, and it is down': { read: 'first', down: true },
} as const;

const skipped = new Set<string>();

for (const [name, { read, down }] of Object.entries(cases)) {
  const alive = [new MemoryStore(), ...(down ? [] : [new MemoryStore()])];
  const dead = new MemoryStore();
  if (down) dead.setOutage(true);
  const stores = down ? [dead, ...alive] : alive;
  const each = (act: (store: MemoryStore) => void) => () => alive.forEach(act);
  // oxlint-disable-next-line no-await-in-loop -- each declares a suite
  const sample = await client(stores, read);
  adapterConformance(
    { describe, it, skip: (_name, reason) => void skipped.add(reason) },
    {
      name: `multi (${name})`,
      sample,
      createAdapter: () => client(stores, read),
      callTimeoutMs: 3_000,
      plant: (entry: InstanceKey, content: string) => each((store) => store.plant(entry, content))(),
      removeEntry: (entry: InstanceKey) => each((store) => store.remove(entry))(),
      // No revokeLease: each source gets a new one by itself, and nobody above it notices.
      cutConnections: each((store) => store.disconnect()),
      outage: { begin: each((store) => store.setOutage(true)), end: each((store) => store.setOutage(false)) },
    },
  );
}

it('only what does not apply is left out', () => {
  expect([...skipped].toSorted()).toEqual([
    'the adapter has no watchServices method',
    'the harness has no revokeLease',
    'the harness has no stall',
    "the registry's liveness is session, not lease",
  ]);
});
