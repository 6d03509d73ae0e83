import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSegment, fileAdapter, type InstanceKey } from '@rollcall/core';
import { afterAll, describe, expect, it } from 'vitest';
import { adapterConformance } from '../src/index.ts';

const parent = mkdtempSync(join(tmpdir(), 'rollcall-file-'));
const dir = join(parent, 'registry');
const away = join(parent, 'away');
afterAll(() => rmSync(parent, { recursive: true, force: true }));

function folderOf({ namespace, service }: InstanceKey): string {
  return join(dir, encodeSegment(namespace), encodeSegment(service));
}

/** The files that hold an instance: one for each lease that it was registered under. */
function filesOf(entry: InstanceKey): string[] {
  mkdirSync(folderOf(entry), { recursive: true });
  return readdirSync(folderOf(entry)).filter((name) => name.startsWith(`${encodeSegment(entry.id)}@`));
}

const skipped = new Set<string>();

adapterConformance(
  { describe, it, skip: (_name, reason) => void skipped.add(reason) },
  {
    name: 'file',
    sample: fileAdapter({ dir }),
    createAdapter: () => fileAdapter({ dir }),
    ttlMs: 1_000,
    plant(entry, content) {
      const lease = 'plantlife';
      writeFileSync(join(dir, '.leases', lease), JSON.stringify({ ttlMs: 60_000 }));
      const [name = `${encodeSegment(entry.id)}@${lease}.json`] = filesOf(entry);
      writeFileSync(join(folderOf(entry), name), content);
    },
    removeEntry(entry) {
      for (const name of filesOf(entry)) rmSync(join(folderOf(entry), name));
    },
    revokeLease(entry) {
      for (const name of filesOf(entry)) rmSync(join(dir, '.leases', name.slice(-14, -5)));
    },
    outage: {
      begin() {
        renameSync(dir, away);
        // Without it who registers would make the folder again.
        writeFileSync(dir, '');
      },
      end() {
        rmSync(dir);
        renameSync(away, dir);
      },
    },
  },
);

it('file leaves out only what does not apply to it', () => {
  // A local folder always answers, so it has no stall.
  expect([...skipped]).toEqual(['the harness has no stall']);
});
