import {
  abortError,
  decodeInstance,
  encodeInstance,
  notListed,
  overridden,
  RegistryError,
  skippedEntry,
  systemClock,
  type Clock,
  type InstanceKey,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
} from '@rollcall/core';
import { ClassicLevel } from 'classic-level';
import { WriteQueue, type Database, type Write } from './write-queue.ts';

/** How long an entry that was there at the start may stay without a beat, in milliseconds, where nobody says. */
const RESTORED_TTL_MS = 15_000;

/** No name holds one. */
const SEPARATOR = '\n';
const ENTRIES = 'entry';

interface Entry {
  readonly instance: ServiceInstance;
  lease: StoreLease;
}

/** A write that is not on the disk yet: what stands there after it, which is nothing after a deletion. */
interface UnderWay {
  readonly entry?: Pick<Entry, 'instance' | 'lease'>;
}

interface ServiceEntries {
  readonly entries: Map<string, Entry>;
  /** What can't be read, by id. */
  readonly unreadable: Map<string, string>;
  readonly watches: Set<ServiceWatch>;
}

/** The ids whose change a watch has not handed out yet. */
interface ServiceWatch {
  readonly pending: Set<string>;
  wake: () => void;
}

interface StoreLease extends Lease {
  expiresAt: number;
  revoked: boolean;
  readonly entries: Set<Entry>;
}

export interface EmbeddedStoreOptions {
  /** The folder that holds the data; made where it isn't there. One process at a time. */
  readonly path: string;
  /** Defaults to the machine's clock. */
  readonly clock?: Clock;
  /** How long an entry of an earlier run is kept until somebody renews it, in milliseconds. Defaults to 15 000. */
  readonly restoredTtlMs?: number;
}

/**
 * A registry in a folder: entries are in memory for readers and on the disk before a write resolves. After a crash
 * what was acknowledged is there again, with a fresh TTL. Leases themselves are of this run.
 */
export class EmbeddedStore {
  readonly #database: Database;
  readonly #queue: WriteQueue;
  readonly #clock: Clock;
  readonly #namespaces = new Map<string, Map<string, ServiceEntries>>();
  readonly #leases = new Set<StoreLease>();
  readonly #nameWatches = new Map<string, Set<() => void>>();
  /** The last write of each entry that has one under way. */
  readonly #underWay = new Map<string, UnderWay>();
  #revision = 0;
  /** When leases are looked at next. */
  #expiresAt = Number.POSITIVE_INFINITY;
  #cancelExpiry = (): void => {};
  #closed: RegistryError | undefined;

  private constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#queue = new WriteQueue(database);
    this.#clock = clock;
  }

  /**
   * Opens the folder and reads what an earlier run left.
   *
   * @throws {RegistryError} `UNAVAILABLE` when another process has it, or the disk refuses.
   */
  static async open({
    path,
    clock = systemClock,
    restoredTtlMs = RESTORED_TTL_MS,
  }: EmbeddedStoreOptions): Promise<EmbeddedStore> {
    const database: Database = new ClassicLevel(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
    try {
      await database.open();
      const store = new EmbeddedStore(database, clock);
      const lease = store.grantLease(restoredTtlMs);
      for await (const [key, text] of database.iterator({
        gte: `${ENTRIES}${SEPARATOR}`,
        lt: `${ENTRIES}\v`,
      })) {
        const [, namespace = '', service = '', id = ''] = key.split(SEPARATOR);
        store.#load({ namespace, service, id }, text, lease);
      }
      return store;
    } catch (cause) {
      await database.close().catch(() => {});
      throw openFailure(path, cause);
    }
  }

  /** Every namespace that has an entry. */
  get namespaces(): readonly string[] {
    return [...this.#namespaces.keys()].filter((namespace) => this.#namesIn(namespace).length > 0);
  }

  grantLease(ttlMs: number): StoreLease {
    this.#serve();
    const lease: StoreLease = {
      ttlMs,
      expiresAt: this.#clock.now() + ttlMs,
      revoked: false,
      entries: new Set(),
      renew: async ({ signal }) => {
        if (signal.aborted) throw abortError(signal, 'renew a lease of the embedded store');
        this.#serve();
        if (lease.revoked) throw leaseLost();
        lease.expiresAt = this.#clock.now() + ttlMs;
      },
    };
    this.#leases.add(lease);
    this.#armExpiry();
    return lease;
  }

  /** Lists the instance under the lease. It is on the disk when this resolves. */
  async put(instance: ServiceInstance, lease: StoreLease): Promise<void> {
    this.#serve();
    if (lease.revoked) throw leaseLost();
    const before = this.#find(instance)?.entries.get(instance.id);
    // From here on the end of the lease that it was under must not take it off: that would come after this write.
    if (before) moveEntry(before, lease);
    const write: Write = { type: 'put', key: keyOf(instance), value: encodeInstance(instance) };
    await this.#write(write, { entry: { instance, lease } });
    if (lease.revoked) {
      // It ran out while the disk was busy. What is there now belongs to nobody, unless another has put it since.
      if (!this.#find(instance)?.entries.has(instance.id)) await this.#queue.write([deletion(instance)]);
      throw leaseLost();
    }
    this.#set(instance, lease);
  }

  /** Changes an entry in place, as it is after what its owner is writing just now; its lease is left alone. */
  async override(key: InstanceKey, change: InstanceOverride): Promise<void> {
    this.#serve();
    const { entry } = this.#underWay.get(keyOf(key)) ?? { entry: this.#find(key)?.entries.get(key.id) };
    if (!entry) throw notListed(key);
    await this.put(overridden(entry.instance, change), entry.lease);
  }

  /** Removes the entry, and from the disk too when this resolves. */
  async delete(key: InstanceKey): Promise<void> {
    this.#serve();
    await this.#write(deletion(key), {});
    this.#unset(key);
  }

  async #write(write: Write, after: UnderWay): Promise<void> {
    this.#underWay.set(write.key, after);
    try {
      await this.#queue.write([write]);
    } finally {
      if (this.#underWay.get(write.key) === after) this.#underWay.delete(write.key);
    }
  }

  list(key: ServiceKey): InstanceList {
    this.#serve();
    const found = this.#find(key);
    return {
      instances: found ? Array.from(found.entries.values(), ({ instance }) => instance) : [],
      skipped: Array.from(found?.unreadable ?? [], ([id, reason]) => skippedEntry(id, reason)),
      revision: String(this.#revision),
    };
  }

  names(namespace: string): readonly string[] {
    this.#serve();
    return this.#namesIn(namespace);
  }

  async *watch(key: ServiceKey, signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    const watch: ServiceWatch = { pending: new Set(), wake: () => {} };
    const first = this.list(key);
    const service = this.#service(key);
    service.watches.add(watch);
    try {
      yield { kind: 'list', ...first };
      for (;;) {
        if (watch.pending.size === 0) await woken(signal, (wake) => (watch.wake = wake));
        this.#serve();
        const ids = [...watch.pending];
        watch.pending.clear();
        if (ids.length === 0) continue;
        yield {
          kind: 'delta',
          put: ids.flatMap((id) => service.entries.get(id)?.instance ?? []),
          removed: ids.filter((id) => !service.entries.has(id)),
          skipped: ids.flatMap((id) => {
            const reason = service.unreadable.get(id);
            return reason === undefined ? [] : [skippedEntry(id, reason)];
          }),
          revision: String(this.#revision),
        };
      }
    } finally {
      service.watches.delete(watch);
    }
  }

  async *watchNames(namespace: string, signal: AbortSignal): AsyncGenerator<readonly string[], void> {
    let changed = true;
    let wake = (): void => {};
    const onChange = () => {
      changed = true;
      wake();
    };
    const watches = this.#nameWatches.get(namespace) ?? new Set();
    this.#nameWatches.set(namespace, watches.add(onChange));
    try {
      for (let last: string | undefined; ;) {
        if (!changed) await woken(signal, (fn) => (wake = fn));
        changed = false;
        const names = this.names(namespace).toSorted();
        const text = names.join(SEPARATOR);
        if (text === last) continue;
        last = text;
        yield names;
      }
    } finally {
      watches.delete(onChange);
    }
  }

  /** A part of the folder for other records than entries. */
  records(name: string): StoreRecords {
    return new StoreRecords(name, this.#database, this.#queue);
  }

  /** Ends every lease now, and with it every entry: what an operator's revocation does. */
  expireLeases(): void {
    for (const lease of this.#leases) this.#expire(lease);
  }

  /** Puts an entry as it might be found on the disk, readable or not. */
  async plant(key: InstanceKey, text: string): Promise<void> {
    this.#serve();
    await this.#queue.write([{ type: 'put', key: keyOf(key), value: text }]);
    this.#unset(key);
    this.#load(key, text, this.grantLease(RESTORED_TTL_MS));
    this.#changed(key);
  }

  /** Lets go of the folder. Entries stay in it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = new RegistryError('CLOSED', 'the embedded store is closed: open it again');
    this.#cancelExpiry();
    for (const services of this.#namespaces.values())
      for (const { watches } of services.values()) for (const { wake } of watches) wake();
    for (const watches of this.#nameWatches.values()) for (const wake of watches) wake();
    await this.#queue.idle();
    await this.#database.close();
  }

  #serve(): void {
    if (this.#closed) throw this.#closed;
  }

  #load(key: InstanceKey, text: string, lease: StoreLease): void {
    try {
      this.#set(decodeInstance(text, key), lease);
    } catch (error) {
      this.#service(key).unreadable.set(key.id, error instanceof Error ? error.message : String(error));
    }
  }

  #set(instance: ServiceInstance, lease: StoreLease): void {
    const service = this.#service(instance);
    const before = service.entries.get(instance.id);
    before?.lease.entries.delete(before);
    const entry: Entry = { instance, lease };
    lease.entries.add(entry);
    service.unreadable.delete(instance.id);
    service.entries.set(instance.id, entry);
    this.#changed(instance);
  }

  #unset(key: InstanceKey): void {
    const service = this.#find(key);
    const entry = service?.entries.get(key.id);
    entry?.lease.entries.delete(entry);
    const had = [service?.entries.delete(key.id), service?.unreadable.delete(key.id)];
    if (had.includes(true)) this.#changed(key);
  }

  #changed(key: InstanceKey): void {
    this.#revision++;
    for (const watch of this.#find(key)?.watches ?? []) {
      watch.pending.add(key.id);
      watch.wake();
    }
    for (const wake of this.#nameWatches.get(key.namespace) ?? []) wake();
  }

  /** Ends the leases whose time is up, and waits for the next. */
  #armExpiry(): void {
    if (this.#closed || this.#leases.size === 0) return;
    const next = Math.min(...Array.from(this.#leases, ({ expiresAt }) => expiresAt));
    if (next >= this.#expiresAt) return;
    this.#cancelExpiry();
    this.#expiresAt = next;
    this.#cancelExpiry = this.#clock.after(Math.max(1, next - this.#clock.now()), () => {
      this.#expiresAt = Number.POSITIVE_INFINITY;
      const now = this.#clock.now();
      for (const lease of this.#leases) if (lease.expiresAt <= now) this.#expire(lease);
      this.#armExpiry();
    });
  }

  #expire(lease: StoreLease): void {
    lease.revoked = true;
    this.#leases.delete(lease);
    const gone = Array.from(lease.entries, ({ instance }) => instance);
    if (gone.length === 0) return;
    for (const instance of gone) this.#unset(instance);
    // What can't be deleted now comes back at the next start, and expires again.
    this.#queue.write(gone.map(deletion)).catch(() => {});
  }

  #namesIn(namespace: string): string[] {
    const names: string[] = [];
    for (const [name, { entries }] of this.#namespaces.get(namespace) ?? [])
      if (entries.size > 0) names.push(name);
    return names;
  }

  #find(key: ServiceKey): ServiceEntries | undefined {
    return this.#namespaces.get(key.namespace)?.get(key.service);
  }

  #service(key: ServiceKey): ServiceEntries {
    let services = this.#namespaces.get(key.namespace);
    if (!services) this.#namespaces.set(key.namespace, (services = new Map()));
    let service = services.get(key.service);
    if (!service) {
      service = { entries: new Map(), unreadable: new Map(), watches: new Set() };
      services.set(key.service, service);
    }
    return service;
  }
}

/** Records of one kind, on the disk when a write resolves. */
export class StoreRecords {
  readonly #prefix: string;
  readonly #database: Database;
  readonly #queue: WriteQueue;

  constructor(name: string, database: Database, queue: WriteQueue) {
    this.#prefix = `${name}${SEPARATOR}`;
    this.#database = database;
    this.#queue = queue;
  }

  async put(key: string, value: string): Promise<void> {
    await this.#queue.write([{ type: 'put', key: this.#prefix + key, value }]);
  }

  async delete(...keys: readonly string[]): Promise<void> {
    await this.#queue.write(keys.map((key) => ({ type: 'del', key: this.#prefix + key })));
  }

  async all(): Promise<readonly (readonly [key: string, value: string])[]> {
    const end = `${this.#prefix.slice(0, -1)}\v`;
    const found = await this.#database.iterator({ gte: this.#prefix, lt: end }).all();
    return found.map(([key, value]) => [key.slice(this.#prefix.length), value]);
  }
}

function moveEntry(entry: Entry, lease: StoreLease): void {
  entry.lease.entries.delete(entry);
  entry.lease = lease;
  lease.entries.add(entry);
}

function keyOf({ namespace, service, id }: InstanceKey): string {
  return [ENTRIES, namespace, service, id].join(SEPARATOR);
}

function deletion(key: InstanceKey): Write {
  return { type: 'del', key: keyOf(key) };
}

function leaseLost(): RegistryError {
  return new RegistryError('LEASE_LOST', 'the lease expired or was revoked: register again');
}

/** Waits until woken; rejects when the signal aborts first. */
function woken(signal: AbortSignal, arm: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal, 'watch the embedded store'));
      return;
    }
    const end = (settle: () => void) => {
      arm(() => {});
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => end(() => reject(abortError(signal, 'watch the embedded store')));
    arm(() => end(resolve));
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function openFailure(path: string, cause: unknown): RegistryError {
  const codes = [cause, cause instanceof Error ? cause.cause : undefined].map((error) =>
    error instanceof Error && 'code' in error ? error.code : undefined,
  );
  const why = codes.includes('LEVEL_LOCKED')
    ? 'another process has it open: give each gateway a folder of its own, or put them in front of one etcd'
    : cause instanceof Error && cause.cause instanceof Error
      ? cause.cause.message
      : String(cause);
  return new RegistryError('UNAVAILABLE', `the embedded store in ${path} can't be opened: ${why}`, { cause });
}
