import {
  type Clock,
  type InstanceList,
  sameInstance,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
  skippedEntry,
  type WatchEvent,
} from '@rollcall/core';
import type { Entry } from './answer.ts';
import type { From } from './eureka-servers.ts';
import type { Layout } from './layouts/layout.ts';
import type { PollFollower } from './registry-poll.ts';
import { Waiting } from './waiting.ts';

export interface ServiceViewOptions {
  readonly key: ServiceKey;
  readonly layout: Layout;
  readonly clock: Clock;
  /** How much older than its list an answer may be that it gets afterwards, in milliseconds. */
  readonly staleMs: number;
}

/** An entry, read, or why it can't be. */
export type ReadEntry =
  | { readonly instance: ServiceInstance }
  | { readonly instance?: never; readonly skipped: SkippedEntry };

type Known = ReadEntry & {
  /** The same for an entry that didn't change. */
  readonly stamp: string;
  readonly updatedAt: number;
};

/**
 * What one service lists, and what of it its reader has been told. An entry that didn't change isn't read again, and what is
 * told is the difference, however many changes there were since the reader last asked.
 */
export class ServiceView extends Waiting implements PollFollower {
  readonly #options: ServiceViewOptions;
  readonly #app: string;
  readonly #told = new Map<string, ServiceInstance>();
  /** By instance id, those that may be other than was told. */
  readonly #touched = new Set<string>();
  readonly #left = new Left();
  #known = new Map<string, Known>();
  #server: string | undefined;
  #isListDue = false;
  /** Until then an answer may be older than the list. */
  #guardedUntil = 0;
  /** The last change that the list knows of. */
  #horizon = 0;

  constructor(options: ServiceViewOptions) {
    super();
    this.#options = options;
    this.#app = options.layout.app(options.key);
  }

  get server(): string | undefined {
    return this.#server;
  }

  /** Takes the list that all begins with, and what changed after it. */
  begin(list: From<readonly Entry[]>, changes: readonly Entry[]): void {
    this.#replace(list);
    this.change({ server: list.server, value: changes });
    this.#isListDue = true;
  }

  replace({ server, value }: From<readonly Entry[]>): void {
    if (this.#server === undefined) return;
    this.#replace({ server, value: value.filter(({ app }) => app === this.#app) });
    if (this.#touched.size > 0) this.#isListDue = true;
    this.wake();
  }

  change({ server, value }: From<readonly Entry[]>): void {
    if (server !== this.#server) return;
    const isGuarded = this.#options.clock.now() < this.#guardedUntil;
    for (const entry of value) {
      if (entry.app !== this.#app) continue;
      const known = this.#known.get(entry.instanceId);
      if (isGuarded && entry.updatedAt < (known?.updatedAt ?? this.#horizon)) continue;
      if (entry.isRemoved) {
        this.#left.add(entry);
        if (!this.#known.delete(entry.instanceId)) continue;
      } else if (this.#left.has(entry)) continue;
      else if (known?.stamp === stampOf(entry)) continue;
      else this.#known.set(entry.instanceId, this.#read(entry));
      this.#touched.add(entry.instanceId);
    }
    this.wake();
  }

  /** What the reader has to be told next; `undefined` when it knows all. */
  take(): WatchEvent | undefined {
    const isList = this.#isListDue;
    this.#isListDue = false;
    const put: ServiceInstance[] = [];
    const removed: string[] = [];
    const skipped: SkippedEntry[] = [];
    for (const instanceId of isList ? this.#known.keys() : this.#touched) {
      const known = this.#known.get(instanceId);
      const told = this.#told.get(instanceId);
      if (known?.instance) {
        if (isList || !told || !sameInstance(told, known.instance)) put.push(known.instance);
        this.#told.set(instanceId, known.instance);
        continue;
      }
      if (known) skipped.push(known.skipped);
      if (told) removed.push(told.id);
      this.#told.delete(instanceId);
    }
    this.#touched.clear();
    if (isList) {
      for (const instanceId of this.#told.keys())
        if (!this.#known.has(instanceId)) this.#told.delete(instanceId);
      return { kind: 'list', instances: put, skipped };
    }
    return put.length + removed.length + skipped.length > 0
      ? { kind: 'delta', put, removed, skipped }
      : undefined;
  }

  /** All that is listed, whatever the reader has been told. */
  all(): InstanceList {
    const instances: ServiceInstance[] = [];
    const skipped: SkippedEntry[] = [];
    for (const known of this.#known.values())
      if (known.instance) instances.push(known.instance);
      else skipped.push(known.skipped);
    return { instances, skipped };
  }

  #replace({ server, value }: From<readonly Entry[]>): void {
    const { clock, staleMs } = this.#options;
    const before = this.#known;
    this.#known = new Map();
    this.#horizon = 0;
    for (const entry of value) {
      if (entry.isRemoved) continue;
      const same = before.get(entry.instanceId);
      const isSame = same?.stamp === stampOf(entry);
      if (!isSame) this.#touched.add(entry.instanceId);
      this.#known.set(entry.instanceId, same && isSame ? same : this.#read(entry));
      this.#horizon = Math.max(this.#horizon, entry.updatedAt);
    }
    for (const instanceId of before.keys()) if (!this.#known.has(instanceId)) this.#touched.add(instanceId);
    this.#server = server;
    this.#guardedUntil = clock.now() + staleMs;
  }

  #read(entry: Entry): Known {
    const { key, layout } = this.#options;
    return { ...readEntry(layout, key, entry), stamp: stampOf(entry), updatedAt: entry.updatedAt };
  }
}

/** Longer than a server tells of a change, in milliseconds. */
const TOLD_FOR_MS = 4 * 60_000;
/** How many are kept without asking whether they are still told of. */
const KEPT = 1_000;

/** Who left in the last minutes, and when: what an older answer says of them isn't news. */
class Left {
  readonly #at = new Map<string, number>();

  add({ instanceId, updatedAt }: Entry): void {
    this.#at.set(instanceId, Math.max(updatedAt, this.#at.get(instanceId) ?? 0));
    if (this.#at.size <= KEPT) return;
    for (const [id, at] of this.#at) if (at < updatedAt - TOLD_FOR_MS) this.#at.delete(id);
  }

  /** Whether it left after that. */
  has({ instanceId, updatedAt }: Entry): boolean {
    return updatedAt <= (this.#at.get(instanceId) ?? -1);
  }
}

/** Reads one entry of a service. */
export function readEntry(layout: Layout, key: ServiceKey, { app, instanceId, raw }: Entry): ReadEntry {
  const at = `${app}/${instanceId}`;
  const id = layout.idOf(app, instanceId);
  if (id === undefined)
    return { skipped: { key: at, reason: 'its instance id is not one that this layout writes' } };
  try {
    return { instance: layout.decode(raw, { ...key, id }) };
  } catch (error) {
    return { skipped: skippedEntry(at, error) };
  }
}

function stampOf({ updatedAt, dirtyAt, status }: Entry): string {
  return `${updatedAt}/${dirtyAt}/${status}`;
}
