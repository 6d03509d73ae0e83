import { defineInstance, type InstanceSpec } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { type Filter, InstanceTable } from '../src/page/state/instance-table.ts';

const EVERYTHING: Filter = { words: '', status: undefined };

describe('the table of instances', () => {
  it('is in the order that people count in', () => {
    const table = tableOf([instance(10), instance(9), instance(100)]);
    expect(idsOf(table)).toEqual(['10.0.0.9:80', '10.0.0.10:80', '10.0.0.100:80']);
  });

  it('takes what changed, and leaves every other row the same object', () => {
    const table = tableOf([instance(1), instance(2), instance(3)]);
    const before = table.select(EVERYTHING);
    table.apply({ put: [instance(2, { weight: 5 })] }, 7);
    const after = table.select(EVERYTHING);
    expect(after[0]).toBe(before[0]);
    expect(after[2]).toBe(before[2]);
    expect(after[1]).toMatchObject({ instance: { weight: 5 }, changedAt: 7 });
  });

  it('takes what came and what left', () => {
    const table = tableOf([instance(1), instance(3)]);
    table.apply({ put: [instance(2)], removed: ['10.0.0.3:80'] }, 7);
    expect(idsOf(table)).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
    expect(table.size).toBe(2);
  });

  it('believes a new whole list, and keeps the rows that say the same', () => {
    const table = tableOf([instance(1), instance(2)]);
    const [kept] = table.select(EVERYTHING);
    table.replace([instance(1), instance(3)], 7);
    expect(idsOf(table)).toEqual(['10.0.0.1:80', '10.0.0.3:80']);
    expect(table.select(EVERYTHING)[0]).toBe(kept);
  });

  it('marks nothing as changed in the first list', () => {
    expect(tableOf([instance(1)]).select(EVERYTHING)[0]?.changedAt).toBe(0);
  });

  it('sorts by what is asked for, and stays sorted through changes', () => {
    const table = tableOf([
      instance(1, { weight: 1 }),
      instance(2, { weight: 3 }),
      instance(3, { weight: 2 }),
    ]);
    table.sortBy({ by: 'weight', descending: true });
    expect(idsOf(table)).toEqual(['10.0.0.2:80', '10.0.0.3:80', '10.0.0.1:80']);
    table.apply({ put: [instance(1, { weight: 9 })] }, 7);
    expect(idsOf(table)[0]).toBe('10.0.0.1:80');
  });

  it('sorts by status from what needs attention', () => {
    const table = tableOf([
      instance(1),
      instance(2, { status: 'DOWN' }),
      instance(3, { status: 'OUT_OF_SERVICE' }),
    ]);
    table.sortBy({ by: 'status', descending: false });
    expect(idsOf(table)).toEqual(['10.0.0.2:80', '10.0.0.3:80', '10.0.0.1:80']);
  });

  it.each([
    ['10.0.0.2', ['10.0.0.2:80']],
    ['EU-1', ['10.0.0.1:80']],
    ['build=7', ['10.0.0.2:80']],
    ['canary', ['10.0.0.1:80']],
    ['canary build=7', []],
    ['nobody', []],
  ])('finds %j', (words, ids) => {
    const table = tableOf([
      instance(1, { zone: 'eu-1', tags: ['canary'] }),
      instance(2, { metadata: { build: '7' } }),
    ]);
    expect(idsOf(table, { words, status: undefined })).toEqual(ids);
  });

  it('shows one status, and counts them all', () => {
    const table = tableOf([instance(1), instance(2), instance(3, { status: 'DOWN' })]);
    expect(idsOf(table, { words: '', status: 'DOWN' })).toEqual(['10.0.0.3:80']);
    expect([...table.counts()]).toEqual([
      ['UP', 2],
      ['DOWN', 1],
    ]);
  });

  it('tells the share of the calls among those that are up', () => {
    const table = tableOf([
      instance(1),
      instance(2, { weight: 3 }),
      instance(3, { status: 'DOWN', weight: 100 }),
    ]);
    expect(table.share('10.0.0.1:80', 1)).toBe(0.25);
    expect(table.share('10.0.0.1:80', 0)).toBe(0);
  });
});

function tableOf(instances: readonly ReturnType<typeof instance>[]): InstanceTable {
  const table = new InstanceTable();
  table.replace(instances, 1);
  return table;
}

function instance(n: number, more: Partial<InstanceSpec> = {}) {
  return defineInstance({ service: 'user-service', host: `10.0.0.${n}`, port: 80, ...more });
}

function idsOf(table: InstanceTable, filter: Filter = EVERYTHING): string[] {
  return table.select(filter).map((row) => row.instance.id);
}
