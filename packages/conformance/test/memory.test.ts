import { MemoryStore, memoryAdapter } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { adapterConformance } from '../src/index.ts';
import { memoryHarness } from './memory-harness.ts';

const skipped = new Set<string>();

adapterConformance(
  { describe, it, skip: (_name, reason) => void skipped.add(reason) },
  memoryHarness(new MemoryStore(), (store) => memoryAdapter({ store })),
);

it('memory leaves out only what does not apply to it', () => {
  // What is in the process always answers, so it has no stall.
  expect([...skipped]).toEqual(['the harness has no stall']);
});
