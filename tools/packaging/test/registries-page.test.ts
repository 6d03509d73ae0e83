import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CARRIED_FIELDS,
  fileAdapter,
  MemoryStore,
  memoryAdapter,
  type AdapterCapabilities,
  type RegistryAdapter,
} from '@rollcall/core';
import { consulAdapter } from '@rollcall/consul';
import { etcdAdapter } from '@rollcall/etcd';
import { eurekaAdapter } from '@rollcall/eureka';
import { gatewayAdapter } from '@rollcall/gateway-client';
import { nacosAdapter } from '@rollcall/nacos';
import { zookeeperAdapter } from '@rollcall/zookeeper';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../src/workspace.ts';

const LAYOUTS = ['rollcall', 'kratos', 'grpc-naming', 'go-zero', 'kitex'] as const;

const SHARED_LAYOUTS = ['rollcall', 'spring', 'kratos'] as const;

const pageOf = (name: string) => readFileSync(join(ROOT, 'docs', name), 'utf8');
const [adapters = new Map(), measured = new Map(), , , layouts = new Map()] = tablesOf(
  pageOf('registries.md'),
);

const BY_TYPE: Readonly<Record<string, readonly RegistryAdapter[]>> = {
  memory: [memoryAdapter({ store: new MemoryStore() })],
  file: [fileAdapter({ dir: 'unused' })],
  etcd: LAYOUTS.map((layout) => etcdAdapter({ layout })),
  zookeeper: SHARED_LAYOUTS.map((layout) => zookeeperAdapter({ layout })),
  consul: SHARED_LAYOUTS.map((layout) => consulAdapter({ layout })),
  nacos: SHARED_LAYOUTS.map((layout) => nacosAdapter({ layout, transport: 'grpc' })),
  eureka: SHARED_LAYOUTS.map((layout) => eurekaAdapter({ layout })),
  gateway: [gatewayAdapter()],
};

describe('the table of registries says what the adapters declare', () => {
  it('has a column for each', () => {
    expect(columnsOf(adapters)).toEqual(Object.keys(BY_TYPE));
  });

  it.each(Object.keys(BY_TYPE))('%s', (type) => {
    const all = BY_TYPE[type] ?? [];
    const cell = (row: string): string => adapters.get(row)?.get(type) ?? `no row ${row}`;
    const byLayout = (word: (capabilities: AdapterCapabilities) => string): string => {
      const words = new Set(all.map(({ capabilities }) => word(capabilities)));
      return words.size === 1 ? [...words].join() : 'by layout';
    };
    expect(cell('how a process shows that it is alive').split(',')[0]).toBe(
      byLayout(({ liveness }) => liveness),
    );
    expect(cell('a crash is seen within the TTL plus (declared)')).toBe(
      byLayout(({ crashSlackMs }) => `${grouped(crashSlackMs)} ms`),
    );
    expect(cell('a change is seen within (declared)')).toBe(
      byLayout(({ propagationMs }) => `${grouped(propagationMs)} ms`),
    );
    expect(cell('the TTLs it takes')).toBe(byLayout(({ ttlRangeMs }) => ttlWords(ttlRangeMs)));
    expect(cell('namespaces')).toBe(byLayout(({ namespaces }) => yesOrNo(namespaces)));
    expect(cell('any name')).toBe(byLayout(({ anyName }) => yesOrNo(anyName)));
    expect(cell('fields carried')).toBe(byLayout(fieldWords));
    expect(cell('tells changes (`watch`)')).toBe(yesOrNo(all.every((one) => 'watch' in one)));
    expect(cell('tells new services (`watchServices`)')).toBe(
      yesOrNo(all.every((one) => 'watchServices' in one)),
    );
    expect(cell("takes an operator's change (`override`)")).toBe(
      yesOrNo(all.every((one) => one.override !== undefined)),
    );
  });
});

describe('the table of what was measured quotes the pages that have it', () => {
  const performance = pageOf('performance.md');
  const crash = [...rowsOf(pageOf('reliability.md'))].find(([fault]) =>
    fault.includes('`client-killed`'),
  )?.[1];

  it.each([
    ['etcd', 'On etcd'],
    ['zookeeper', 'On ZooKeeper'],
    ['consul', 'On Consul'],
    ['nacos', 'On Nacos'],
    ['eureka', 'On Eureka'],
  ])('%s', (type, title) => {
    const section = performance.split(`### ${title}\n`)[1] ?? '';
    const cell = (row: string): string => measured.get(row)?.get(type) ?? `no row ${row}`;
    for (const rank of ['p50', 'p99'])
      expect(cell(`a change was seen after, ${rank} (\`npm run bench\`)`)).toBe(
        `${rowsOf(section).get(`change → seen, ${rank}`)?.get('Rollcall')} ms`,
      );
    const seconds = /^[\d.]+ s(?= of )/u.exec(crash?.get(type) ?? '')?.[0];
    expect(cell('a crash was seen after (`npm run test:faults`)')).toBe(seconds);
  });
});

describe('the table of layouts says what the etcd adapter declares', () => {
  it.each(LAYOUTS)('%s', (layout) => {
    const { capabilities } = etcdAdapter({ layout });
    const row = layouts.get(layout);
    expect(row?.get('namespaces')).toBe(yesOrNo(capabilities.namespaces));
    expect(row?.get('any name')).toBe(capabilities.anyName ? 'yes' : 'ids without a slash');
    expect(row?.get('fields carried')).toBe(fieldWords(capabilities));
  });
});

function ttlWords({ min, max }: AdapterCapabilities['ttlRangeMs']): string {
  if (min === max) return `${grouped(min)} ms`;
  if (min <= 1) return 'any';
  // What is longer than a century is no limit.
  return max > 3_200_000_000_000 ? `from ${grouped(min)} ms` : `${grouped(min)} ms to ${grouped(max)} ms`;
}

function fieldWords({ fields }: AdapterCapabilities): string {
  if (fields.length === CARRIED_FIELDS.length) return 'all';
  return fields.length === 0 ? 'none but `host`, `port`' : fields.join(', ');
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

/** 3600000 as 3 600 000. */
function grouped(number: number): string {
  return String(number).replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, ' ');
}

type Table = ReadonlyMap<string, ReadonlyMap<string, string>>;

function columnsOf(table: Table): string[] {
  const [row] = table.values();
  return [...(row?.keys() ?? [])];
}

/** The rows of all tables; of two with the same first cell, the first. */
function rowsOf(markdown: string): Table {
  return new Map(
    tablesOf(markdown)
      .flatMap((table) => [...table])
      .toReversed(),
  );
}

/** Each table as rows by their first cell, of cells by column. */
function tablesOf(markdown: string): Table[] {
  return Array.from(markdown.matchAll(/(?:^\|.*\|\n)+/gm), ([text]) => {
    const [head = [], _line, ...rows] = text.trim().split('\n').map(cellsOf);
    return new Map(
      rows.map(([name = '', ...cells]) => [
        bare(name),
        new Map(cells.map((cell, i) => [bare(head[i + 1] ?? ''), cell])),
      ]),
    );
  });
}

function cellsOf(row: string): string[] {
  return row
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

/** A name that is code and nothing else, without its ticks. */
function bare(name: string): string {
  return name.replace(/^`([^`]*)`$/, '$1');
}
