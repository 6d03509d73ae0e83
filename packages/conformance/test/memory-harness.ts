import type { MemoryStore, RegistryAdapter } from '@rollcall/core';
import type { AdapterHarness } from '../src/index.ts';

/** The kit's view of a {@link MemoryStore}, with every power that it has. */
export function memoryHarness(
  store: MemoryStore,
  createAdapter: (store: MemoryStore) => RegistryAdapter,
): AdapterHarness {
  return {
    name: 'memory',
    sample: createAdapter(store),
    createAdapter: () => createAdapter(store),
    callTimeoutMs: 2_000,
    plant: (entry, content) => store.plant(entry, content),
    removeEntry: (entry) => store.remove(entry),
    revokeLease: () => store.expireLeases(),
    cutConnections: () => store.disconnect(),
    outage: { begin: () => store.setOutage(true), end: () => store.setOutage(false) },
  };
}
