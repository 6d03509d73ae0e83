import type { Instance, InstanceDelta, InstanceStatus } from '../api/wire.ts';

/** An instance in the table. A row that says the same stays the same object, so that only what changed is drawn. */
export interface Row {
  readonly instance: Instance;
  /** When it came or changed while it was looked at, in ms of the monotonic clock; 0 for what was there at first. */
  readonly changedAt: number;
  /** Sorts as people count: `10.0.0.9` before `10.0.0.10`. */
  readonly key: string;
  /** What a search looks in, in lower case. */
  readonly text: string;
}

export type SortField = 'id' | 'status' | 'address' | 'weight' | 'zone' | 'version' | 'owner';

export interface Sort {
  readonly by: SortField;
  readonly descending: boolean;
}

export interface Filter {
  readonly words: string;
  readonly status: InstanceStatus | undefined;
}

export type Counts = ReadonlyMap<InstanceStatus, number>;

/** From what needs attention to what doesn't. */
export const STATUS_ORDER: readonly InstanceStatus[] = [
  'DOWN',
  'UNKNOWN',
  'OUT_OF_SERVICE',
  'STARTING',
  'UP',
];

/** The instances of one service, kept as the gateway tells them. */
export class InstanceTable {
  readonly #rows = new Map<string, Row>();
  #sorted: readonly Row[] = [];
  #sort: Sort = { by: 'id', descending: false };

  get size(): number {
    return this.#rows.size;
  }

  row(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** Takes the whole list: what isn't in it is gone. Rows that say the same stay. */
  replace(instances: readonly Instance[], now: number): void {
    const listed = new Set(instances.map(({ id }) => id));
    const first = this.#rows.size === 0;
    for (const id of this.#rows.keys()) if (!listed.has(id)) this.#rows.delete(id);
    for (const instance of instances) this.#put(instance, first ? 0 : now);
    this.#arrange([...this.#rows.values()]);
  }

  /** Takes what changed. */
  apply({ put = [], removed = [] }: InstanceDelta, now: number): void {
    for (const id of removed) this.#rows.delete(id);
    const added: Row[] = [];
    for (const instance of put) {
      const known = this.#rows.has(instance.id);
      this.#put(instance, now);
      const row = this.#rows.get(instance.id);
      if (!known && row) added.push(row);
    }
    const kept = this.#sorted.map(({ instance: { id } }) => this.#rows.get(id));
    this.#arrange([...kept.filter((row) => row !== undefined), ...added]);
  }

  sortBy(sort: Sort): void {
    this.#sort = sort;
    this.#arrange(this.#sorted);
  }

  /** Those that pass, in order. */
  select({ words, status }: Filter): readonly Row[] {
    const wanted = words.toLowerCase().split(/\s+/u).filter(Boolean);
    if (wanted.length === 0 && status === undefined) return this.#sorted;
    return this.#sorted.filter(
      ({ instance, text }) =>
        (status === undefined || instance.status === status) && wanted.every((word) => text.includes(word)),
    );
  }

  counts(): Counts {
    const counts = new Map<InstanceStatus, number>();
    for (const { instance } of this.#sorted)
      counts.set(instance.status, (counts.get(instance.status) ?? 0) + 1);
    return counts;
  }

  /** What share of the calls this weight has among those that get any, 0 to 1. */
  share(id: string, weight: number): number {
    let sum = weight;
    for (const { instance } of this.#sorted)
      if (instance.id !== id && instance.status === 'UP') sum += instance.weight;
    return sum === 0 ? 0 : weight / sum;
  }

  #put(instance: Instance, now: number): void {
    const before = this.#rows.get(instance.id);
    if (before && JSON.stringify(before.instance) === JSON.stringify(instance)) return;
    this.#rows.set(instance.id, {
      instance,
      changedAt: now,
      key: naturalKey(instance.id),
      text: searchText(instance),
    });
  }

  #arrange(rows: readonly Row[]): void {
    const { by, descending } = this.#sort;
    const sign = descending ? -1 : 1;
    const values = new Map(rows.map((row) => [row, VALUES[by](row)]));
    const value = (row: Row): string | number => values.get(row) ?? '';
    // After a change it is nearly sorted, which takes one pass.
    this.#sorted = rows.toSorted((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x !== y) return x < y ? -sign : sign;
      return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    });
  }
}

const VALUES: Readonly<Record<SortField, (row: Row) => string | number>> = {
  id: ({ key }) => key,
  status: ({ instance }) => STATUS_ORDER.indexOf(instance.status),
  address: ({ instance }) => naturalKey(`${instance.host}:${instance.port}`),
  weight: ({ instance }) => instance.weight,
  zone: ({ instance }) => instance.zone ?? '',
  version: ({ instance }) => naturalKey(instance.version ?? ''),
  owner: ({ instance }) => instance.owner ?? '',
};

function naturalKey(text: string): string {
  return text.toLowerCase().replaceAll(/\d+/gu, (digits) => digits.padStart(10, '0'));
}

function searchText({ id, host, port, status, zone, version, owner, tags, metadata }: Instance): string {
  let text = `${id}\n${host}:${port}\n${status}`;
  for (const more of [zone, version, owner, ...(tags ?? [])]) if (more !== undefined) text += `\n${more}`;
  for (const [key, value] of Object.entries(metadata ?? {})) text += `\n${key}=${value}`;
  return text.toLowerCase();
}
