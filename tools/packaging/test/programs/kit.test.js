import { describe, it } from 'node:test';
import { adapterConformance } from '@rollcall/conformance';
import { MemoryStore, memoryAdapter } from '@rollcall/core';

const store = new MemoryStore();

adapterConformance(
  {
    describe: (name, body) => void describe(name, body),
    it: (name, body, timeout) => void it(name, { timeout }, body),
    skip: (name, reason) => void it(name, { skip: reason }, () => {}),
  },
  {
    name: 'memory',
    sample: memoryAdapter({ store }),
    createAdapter: () => memoryAdapter({ store }),
    ttlMs: 300,
  },
);
