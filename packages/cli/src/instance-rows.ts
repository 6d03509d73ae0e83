import type { InstanceStatus, ServiceInstance } from '@rollcall/core';
import type { coloursOf } from './output.ts';
import { printable } from './printable.ts';
import type { Cell, Column } from './table.ts';

/** The columns of a table of instances. */
export const INSTANCE_COLUMNS: readonly Column[] = [
  { title: 'ID', cutFirst: 2 },
  { title: 'ADDRESS', cutFirst: 1 },
  { title: 'STATUS', cutFirst: 0 },
  { title: 'WEIGHT', align: 'right' },
  { title: 'ZONE', cutFirst: 3 },
  { title: 'VERSION', cutFirst: 4 },
  { title: 'TAGS', cutFirst: 5 },
  { title: 'METADATA', cutFirst: 6 },
];

type Colours = ReturnType<typeof coloursOf>;

/** The row of an instance, for {@link INSTANCE_COLUMNS}. */
export function instanceCells(instance: ServiceInstance, colours: Colours): readonly Cell[] {
  const { id, status, weight, zone = '', version = '', tags = [], metadata = {} } = instance;
  const pairs = Object.entries(metadata).map(([key, value]) => `${key}=${value}`);
  return [
    { text: printable(id) },
    { text: printable(addressOf(instance)) },
    { text: status, style: statusStyle(status, colours) },
    { text: String(weight) },
    { text: printable(zone) },
    { text: printable(version) },
    { text: printable(tags.join(',')) },
    { text: printable(pairs.join(' ')), style: colours.dim },
  ];
}

/** `host:port`, as it is written in a URL. */
export function addressOf({ host, port }: Pick<ServiceInstance, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An instance in one line, as `key value` after its address: for lines that a person reads or greps. */
export function instanceLine(instance: ServiceInstance): string {
  const { id, status, weight, zone, version, tags, metadata } = instance;
  const words = [
    id,
    addressOf(instance),
    status,
    `weight=${weight}`,
    ...(zone === undefined ? [] : [`zone=${zone}`]),
    ...(version === undefined ? [] : [`version=${version}`]),
    ...(tags === undefined ? [] : [`tags=${tags.join(',')}`]),
    ...Object.entries(metadata ?? {}).map(([key, value]) => `${key}=${value}`),
  ];
  return printable(words.join(' '));
}

/** How many there are of each status, the good first: `2 UP, 1 DOWN`. */
export function statusCounts(
  instances: readonly ServiceInstance[],
): Readonly<Partial<Record<InstanceStatus, number>>> {
  const counts: Partial<Record<InstanceStatus, number>> = {};
  for (const { status } of instances) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** How many there are of each status in words. */
export function statusWords(instances: readonly ServiceInstance[]): string {
  return Object.entries(statusCounts(instances))
    .map(([status, n]) => `${n} ${status}`)
    .join(', ');
}

/** Sorted by id, as people count: `api-2` before `api-10`. */
export function byId(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
  return instances.toSorted((a, b) => naturally.compare(a.id, b.id));
}

const naturally = new Intl.Collator('en', { numeric: true });

function statusStyle(status: InstanceStatus, colours: Colours): (text: string) => string {
  if (status === 'UP') return colours.green;
  if (status === 'DOWN') return colours.red;
  return colours.yellow;
}
