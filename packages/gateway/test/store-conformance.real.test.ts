import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapterConformance } from '@rollcall/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { EmbeddedStore, storeAdapter } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'rollcall-store-'));
const store = await EmbeddedStore.open({ path: folder });
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const skipped = new Set<string>();

adapterConformance(
  { describe, it, skip: (_name, reason) => void skipped.add(reason) },
  {
    name: 'store',
    sample: storeAdapter({ store }),
    createAdapter: () => storeAdapter({ store }),
    ttlMs: 1_000,
    plant: (entry, content) => store.plant(entry, content),
    removeEntry: (entry) => store.delete(entry),
    revokeLease: () => store.expireLeases(),
  },
);

it('the store leaves out only what does not apply to it', () => {
  // It is in the process: nothing can cut it off, and it always answers.
  expect([...skipped].toSorted()).toEqual([
    'the harness has no cutConnections',
    'the harness has no outage',
    'the harness has no stall',
  ]);
});
