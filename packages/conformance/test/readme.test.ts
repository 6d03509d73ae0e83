import { readFile } from 'node:fs/promises';
import { MemoryStore, memoryAdapter } from '@rollcall/core';
import { expect, it } from 'vitest';
import { memoryHarness } from './memory-harness.ts';
import { collect } from './run-kit.ts';

const CALL = /^(register|deregister|override|discover|listServices|renew)\b/;
const WATCH = /^(watchServices|watch)\b/;

it('the README lists every promise and no other', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const { tests, skipped } = collect(memoryHarness(new MemoryStore(), (store) => memoryAdapter({ store })));
  const promised = [...tests.keys(), ...skipped].map((title) => {
    const [group = '', promise = ''] = title.split(' > ');
    const call = group === 'abort' || group === 'an outage' ? promise.replace(CALL, 'a call') : promise;
    return group === 'abort' ? call.replace(WATCH, 'a watch') : call;
  });
  const [, table = ''] = readme.split('## The promises');
  const listed = Array.from(table.matchAll(/^\|[^|]*\|([^|]*)\|[^|]*\|$/gm), ([, cell = '']) => cell.trim());
  const rows = listed.filter((cell) => cell !== 'promise' && !/^-*$/.test(cell));
  expect([...new Set(rows)].toSorted()).toEqual([...new Set(promised)].toSorted());
});
