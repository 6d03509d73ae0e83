import {
  CARRIED_FIELDS,
  defineInstance,
  MemoryStore,
  memoryAdapter,
  type InstanceSpec,
} from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { parseDump } from '../src/restore/dump-file.ts';
import { planRestore } from '../src/restore/plan.ts';

const { capabilities } = memoryAdapter({ store: new MemoryStore() });
const one = (spec: Partial<InstanceSpec> = {}) =>
  defineInstance({ service: 'users', id: 'one', host: '10.0.0.1', port: 80, ...spec });

describe('the plan of a restore', () => {
  it('puts back what an operator says: the weight, and whether it is in service', () => {
    const was = one({ status: 'OUT_OF_SERVICE', weight: 3 });
    const now = one({ metadata: { build: '8' } });
    expect(planRestore([was], [now], capabilities)).toEqual({
      changes: [{ instance: now, change: { status: 'OUT_OF_SERVICE', weight: 3 } }],
      missing: [],
      unchanged: [],
    });
    expect(planRestore([now], [was], capabilities).changes).toEqual([
      { instance: was, change: { status: 'UP', weight: 1 } },
    ]);
  });

  it.each([
    ['UP', 'DOWN'],
    ['UP', 'STARTING'],
    ['STARTING', 'UP'],
    ['DOWN', 'OUT_OF_SERVICE'],
  ] as const)('says nothing for a process: one that was %s and is %s stays so', (was, now) => {
    const { changes, unchanged } = planRestore([one({ status: was })], [one({ status: now })], capabilities);
    expect([changes, unchanged]).toEqual([[], [one({ status: now })]]);
  });

  it('tells who is missing, and passes over who has come since', () => {
    const plan = planRestore([one()], [one({ id: 'two' })], capabilities);
    expect(plan).toEqual({ changes: [], missing: [one()], unchanged: [] });
  });

  it('asks no registry for what it cannot hold', () => {
    const fields = CARRIED_FIELDS.filter((field) => field !== 'weight');
    expect(planRestore([one({ weight: 3 })], [one()], { ...capabilities, fields }).changes).toEqual([]);
  });
});

describe('a file that is to be restored', () => {
  const dump = (change: object = {}) => ({
    format: 'rollcall-dump',
    version: 1,
    namespace: 'default',
    services: [{ service: 'users', instances: [{ id: 'one', host: '10.0.0.1', port: 80, weight: 3 }] }],
    ...change,
  });

  it('is what dump wrote; what a later version adds is passed over', () => {
    const text = JSON.stringify(dump({ comment: 'x' }));
    expect(parseDump(text, 'a.json')).toEqual({ namespace: 'default', instances: [one({ weight: 3 })] });
  });

  it.each([
    ['{', /^a\.json is nothing that rollcall dump wrote: /],
    ['[]', /it has no "format"/],
    [JSON.stringify(dump({ version: 2 })), /this rollcall reads version 1, not 2/],
    [JSON.stringify(dump({ services: {} })), /it has no list of services/],
    [JSON.stringify(dump({ namespace: 7 })), /namespace/],
    [JSON.stringify(dump({ services: [{ service: 'users' }] })), /services\[0\] has no name or no list/],
    [
      JSON.stringify(dump({ services: [{ service: 'users', instances: [{ id: 'one', port: 80 }] }] })),
      /services\[0\]\.instances\[0\]: host must be/,
    ],
    [
      JSON.stringify(dump({ services: [{ service: 'users', instances: [null] }] })),
      /services\[0\]\.instances\[0\]: id/,
    ],
  ])('%s is refused, with the place', (text, message) => {
    expect(() => parseDump(text, 'a.json')).toThrow(message);
  });
});
