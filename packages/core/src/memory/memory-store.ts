import type { InstanceList, InstanceOverride, Lease, SkippedEntry, WatchEvent } from '../adapter.ts';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { abortError } from '../deadline.ts';
import { RegistryError } from '../errors.ts';
import type { InstanceKey, ServiceInstance, ServiceKey } from '../instance.ts';
import { notListed, overridden } from '../override.ts';

interface Entry {
  readonly instance: ServiceInstance;
  readonly lease: MemoryLease;
}

interface ServiceEntries {
  readonly entries: Map<string, Entry>;
  readonly garbage: Map<string, string>;
  readonly watches: Set<MemoryWatch>;
}

/** A lease of one client of the store. */
export interface MemoryLease extends Lease {
  expiresAt: number;
  revoked: boolean;
}

/** The ids whose change a watch has not handed out yet. */
interface MemoryWatch {
  readonly pending: Set<string>;
  failure: RegistryError | undefined;
  wake: () => void;
}

/**
 * A registry in this process's memory: what the `memory` adapter's clients share. It is also the double for tests
 * of code that uses Rollcall: its operator's side ({@link wipe}, {@link remove}, {@link plant},
 * {@link expireLeases}, {@link setOutage}) makes every fault at will.
 *
 * It has no timer of its own: leases expire by being looked at.
 */
export class MemoryStore {
  readonly #clock: Clock;
  readonly #namespaces = new Map<string, Map<string, ServiceEntries>>();
  readonly #leases = new Set<MemoryLease>();
  readonly #nameWatches = new Map<string, Set<() => void>>();
  #revision = 0;
  #outage = false;

  constructor(options: { readonly clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  get clock(): Clock {
    return this.#clock;
  }

  // The clients' side.

  /** Its time runs from the first entry that is put under it. */
  grantLease(ttlMs: number): MemoryLease {
    this.#serve();
    const lease: MemoryLease = {
      ttlMs,
      expiresAt: Infinity,
      revoked: false,
      renew: async ({ signal }) => {
        if (signal.aborted) throw abortError(signal, 'renew a lease of the memory registry');
        this.#serve();
        if (lease.revoked)
          throw new RegistryError('LEASE_LOST', 'the lease expired or was revoked: register again');
        lease.expiresAt = this.#clock.now() + ttlMs;
      },
    };
    this.#leases.add(lease);
    return lease;
  }

  put(instance: ServiceInstance, lease: MemoryLease): void {
    this.#serve();
    if (lease.revoked)
      throw new RegistryError('LEASE_LOST', 'the lease expired or was revoked: register again');
    if (lease.expiresAt === Infinity) lease.expiresAt = this.#clock.now() + lease.ttlMs;
    const service = this.#service(instance);
    service.garbage.delete(instance.id);
    service.entries.set(instance.id, { instance, lease });
    this.#changed(instance, instance.id);
  }

  delete(key: InstanceKey): void {
    this.#serve();
    this.remove(key);
  }

  /** Changes an entry under the lease that it has. */
  override(key: InstanceKey, change: InstanceOverride): void {
    this.#serve();
    const entries = this.#find(key)?.entries;
    const entry = entries?.get(key.id);
    if (!entries || !entry) throw notListed(key);
    entries.set(key.id, { ...entry, instance: overridden(entry.instance, change) });
    this.#changed(key, key.id);
  }

  list(key: ServiceKey): InstanceList {
    this.#serve();
    const found = this.#find(key);
    return {
      instances: found ? Array.from(found.entries.values(), (entry) => entry.instance) : [],
      skipped: skippedOf(found?.garbage.keys() ?? []),
      revision: String(this.#revision),
    };
  }

  names(namespace: string): readonly string[] {
    this.#serve();
    const names: string[] = [];
    for (const [name, { entries }] of this.#namespaces.get(namespace) ?? [])
      if (entries.size > 0) names.push(name);
    return names;
  }

  async *watch(key: ServiceKey, signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    const watch: MemoryWatch = { pending: new Set(), failure: undefined, wake: () => {} };
    const first = this.list(key);
    const service = this.#service(key);
    service.watches.add(watch);
    try {
      yield { kind: 'list', ...first };
      for (;;) {
        await this.#wait(
          signal,
          (wake) => (watch.wake = wake),
          () => isDirty(watch),
        );
        this.#expire();
        if (watch.failure) throw watch.failure;
        if (!isDirty(watch)) continue;
        const ids = [...watch.pending];
        watch.pending.clear();
        yield {
          kind: 'delta',
          put: ids.flatMap((id) => service.entries.get(id)?.instance ?? []),
          removed: ids.filter((id) => !service.entries.has(id)),
          skipped: skippedOf(ids.filter((id) => service.garbage.has(id))),
          revision: String(this.#revision),
        };
      }
    } finally {
      service.watches.delete(watch);
    }
  }

  async *watchNames(namespace: string, signal: AbortSignal): AsyncGenerator<readonly string[], void> {
    let wake = (): void => {};
    const onChange = () => wake();
    const watches = this.#nameWatches.get(namespace) ?? new Set();
    this.#nameWatches.set(namespace, watches.add(onChange));
    try {
      for (let last: string | undefined; ;) {
        const names = this.names(namespace).toSorted();
        const text = JSON.stringify(names);
        if (text !== last) {
          last = text;
          yield names;
          continue;
        }
        await this.#wait(
          signal,
          (fn) => (wake = fn),
          () => false,
        );
      }
    } finally {
      watches.delete(onChange);
    }
  }

  // The operator's side.

  /** While it is out, every call of a client fails `UNAVAILABLE`, and watches end. Leases run on. */
  setOutage(outage: boolean): void {
    this.#outage = outage;
    if (outage) this.#breakWatches();
  }

  /** Ends every watch, as a cut connection does. */
  disconnect(): void {
    this.#breakWatches();
  }

  /** Forgets everything, leases too, as a registry does that restarts without its data. */
  wipe(): void {
    for (const lease of this.#leases) lease.revoked = true;
    this.#leases.clear();
    for (const services of this.#namespaces.values()) {
      for (const { entries, garbage } of services.values()) {
        entries.clear();
        garbage.clear();
      }
    }
    this.#revision++;
    this.#breakWatches();
  }

  /** Ends every lease now, and with it every entry. */
  expireLeases(): void {
    for (const lease of this.#leases) lease.expiresAt = this.#clock.now();
    this.#expire();
  }

  /** Removes one entry; its owner isn't told. */
  remove(key: InstanceKey): void {
    const found = this.#find(key);
    const had = [found?.entries.delete(key.id), found?.garbage.delete(key.id)];
    if (had.includes(true)) this.#changed(key, key.id);
  }

  /** Puts an entry that no client can read, in place of what has that id. */
  plant(key: InstanceKey, content: string): void {
    const service = this.#service(key);
    service.entries.delete(key.id);
    service.garbage.set(key.id, content);
    this.#changed(key, key.id);
  }

  #serve(): void {
    this.#expire();
    if (this.#outage)
      throw new RegistryError('UNAVAILABLE', 'the memory registry is set to be out: end the outage');
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const lease of this.#leases) {
      if (lease.expiresAt > now) continue;
      lease.revoked = true;
      this.#leases.delete(lease);
      for (const services of this.#namespaces.values()) {
        for (const { entries } of services.values()) {
          for (const { instance, lease: owner } of entries.values())
            if (owner === lease) this.remove(instance);
        }
      }
    }
  }

  #breakWatches(): void {
    const failure = new RegistryError('UNAVAILABLE', 'the memory registry ended the watch');
    for (const services of this.#namespaces.values()) {
      for (const { watches } of services.values()) {
        for (const watch of watches) {
          watch.failure = failure;
          watch.wake();
        }
      }
    }
    for (const watches of this.#nameWatches.values()) for (const wake of watches) wake();
  }

  /** Waits until woken, until the next lease runs out, or until the signal aborts. */
  #wait(signal: AbortSignal, arm: (wake: () => void) => void, ready: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortError(signal, 'watch the memory registry'));
        return;
      }
      if (ready()) {
        resolve();
        return;
      }
      const end = (settle: () => void) => {
        cancel?.();
        arm(() => {});
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const onAbort = () => end(() => reject(abortError(signal, 'watch the memory registry')));
      const next = Math.min(...Array.from(this.#leases, (lease) => lease.expiresAt));
      const cancel = Number.isFinite(next)
        ? this.#clock.after(next - this.#clock.now(), () => end(resolve))
        : undefined;
      arm(() => end(resolve));
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #changed(key: ServiceKey, id: string): void {
    this.#revision++;
    for (const watch of this.#find(key)?.watches ?? []) {
      watch.pending.add(id);
      watch.wake();
    }
    for (const wake of this.#nameWatches.get(key.namespace) ?? []) wake();
  }

  #find(key: ServiceKey): ServiceEntries | undefined {
    return this.#namespaces.get(key.namespace)?.get(key.service);
  }

  #service(key: ServiceKey): ServiceEntries {
    let services = this.#namespaces.get(key.namespace);
    if (!services) this.#namespaces.set(key.namespace, (services = new Map()));
    let service = services.get(key.service);
    if (!service)
      services.set(key.service, (service = { entries: new Map(), garbage: new Map(), watches: new Set() }));
    return service;
  }
}

function isDirty(watch: MemoryWatch): boolean {
  return watch.pending.size > 0 || watch.failure !== undefined;
}

function skippedOf(ids: Iterable<string>): readonly SkippedEntry[] {
  return Array.from(ids, (key) => ({ key, reason: 'is not an instance' }));
}
