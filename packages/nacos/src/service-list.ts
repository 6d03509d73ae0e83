import {
  type InstanceList,
  overridden,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
  skippedEntry,
} from '@rollcall/core';
import { idOf, sinceOf, uncovered } from './layouts/entry.ts';
import type { Layout } from './layouts/layout.ts';
import { placeOf, readWireInstance, sameWireInstance, type WireInstance } from './wire-instance.ts';

/** Reads a service as Nacos lists it. Nacos sends whole lists: an entry that says what it said before isn't read again. */
export class ServiceList {
  readonly #layout: Layout;
  readonly #key: ServiceKey;
  #entries: ReadonlyMap<string, Entry> = new Map();

  constructor(layout: Layout, key: ServiceKey) {
    this.#layout = layout;
    this.#key = key;
  }

  read(hosts: readonly unknown[]): InstanceList {
    const entries = new Map<string, Entry>();
    const listed = new Map<string, Entry & { readonly instance: ServiceInstance }>();
    for (const [i, host] of hosts.entries()) {
      const entry = this.#entryOf(host, `entry ${i}`);
      entries.set(entry.key, entry);
      if (!isReadable(entry)) continue;
      // A process that was started again is listed beside its former self until Nacos misses that one.
      const rival = listed.get(entry.instance.id);
      if (!rival || rival.since <= entry.since) listed.set(entry.instance.id, entry);
    }
    this.#entries = entries;
    return {
      instances: [...listed.values()].map(({ instance }) => instance),
      skipped: [...entries.values()].flatMap(({ skipped }) => skipped ?? []),
    };
  }

  /** What Nacos has of an instance that {@link read} has listed. */
  wireOf(instance: ServiceInstance): WireInstance | undefined {
    for (const entry of this.#entries.values()) if (entry.instance === instance) return entry.wire;
    return undefined;
  }

  #entryOf(host: unknown, fallback: string): Entry {
    let wire: WireInstance;
    try {
      wire = readWireInstance(host);
    } catch (error) {
      return { key: fallback, since: 0, skipped: skippedEntry(`${this.#key.service}, ${fallback}`, error) };
    }
    const since = sinceOf(wire);
    const key = `${placeOf(wire)} ${since} ${idOf(wire)}`;
    const before = this.#entries.get(key);
    if (before?.wire && sameWireInstance(before.wire, wire)) return before;
    try {
      const { entry, change } = uncovered(wire);
      const own = this.#layout.decode(entry, this.#key);
      return { key, since, wire, instance: change ? overridden(own, change) : own };
    } catch (error) {
      const place = `${this.#key.service}, ${placeOf(wire)}, ${idOf(wire)}`;
      return { key, since, wire, skipped: skippedEntry(place, error) };
    }
  }
}

/** One entry of Nacos' list, read. */
interface Entry {
  readonly key: string;
  /** When the connection was made that it hangs on; 0 for what others wrote. */
  readonly since: number;
  readonly wire?: WireInstance;
  readonly instance?: ServiceInstance;
  readonly skipped?: SkippedEntry;
}

function isReadable(entry: Entry): entry is Entry & { readonly instance: ServiceInstance } {
  return entry.instance !== undefined;
}
