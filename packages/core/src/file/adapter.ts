import { lstat, mkdir, readdir, rename, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CARRIED_FIELDS,
  defineAdapter,
  type AdapterCapabilities,
  type AdapterContext,
  type CallOptions,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type RegisterOptions,
  type RegistryAdapter,
  type WatchEvent,
} from '../adapter.ts';
import { encodeInstance } from '../codec.ts';
import { adapterFrom } from '../config/create-adapter.ts';
import { linkSignals } from '../deadline.ts';
import { RegistryError } from '../errors.ts';
import { sameInstance, type InstanceKey, type ServiceInstance, type ServiceKey } from '../instance.ts';
import { decodeSegment } from '../names.ts';
import { notListed, overridden } from '../override.ts';
import { errno, fsFailure, throwIfAborted } from './failure.ts';
import { readFolder, removeFile, statFolder } from './folder.ts';
import { HeldLease } from './held-lease.ts';
import { entryName, isLeaseId, Layout, overrideName } from './layout.ts';
import { clampTtl, LeaseBook, TTL_RANGE_MS } from './lease-book.ts';
import { defaultDir, fileOptions, type FileAdapterOptions } from './options.ts';
import { makeRoot } from './root-folder.ts';
import { ServiceFolder } from './service-folder.ts';
import { WakeUps } from './wake-ups.ts';
import { timeOver, writeTime } from './write-time.ts';

/**
 * How often a watch looks at its folder even when `fs.watch` is silent, in milliseconds. When nothing changed, such a
 * look is two calls of `lstat`.
 */
const RECHECK_MS = 500;

/** How many services' files are remembered from one look to the next. */
const REMEMBERED_SERVICES = 1_000;

/** A temporary file of this age was left by a process that died, in milliseconds. */
const ABANDONED_MS = 60_000;

/** The most leftovers that `open` clears away. */
const TIDY_AT_ONCE = 1_000;

/**
 * The registry of one machine: a folder that many processes share, with no server. Rollcall uses it when nothing
 * is configured.
 *
 * A process is alive while it touches its lease file; who dies is out of every list when its TTL has passed. All
 * processes must see one clock and one local file system: not for NFS and the like. It is made for POSIX systems. On
 * a file system that doesn't tell upper case from lower (macOS by default), names that differ only in case are one.
 */
export const adapter = defineAdapter<FileAdapterOptions>({
  type: 'file',
  options: fileOptions,
  create: (options, context) => new FileRegistry(options, context),
});

/**
 * Makes the adapter in code.
 *
 * @throws {RegistryError} `INVALID_CONFIG` when an option is wrong or unknown.
 */
export function fileAdapter(
  options: FileAdapterOptions = {},
  context?: Partial<AdapterContext>,
): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

interface Look {
  /** Whether something may have changed, or only time has passed. */
  readonly full: boolean;
  readonly until: AbortSignal;
  /** Asks for the next look to come this soon, in milliseconds. */
  readonly wakeWithin: (ms: number) => void;
}

class FileRegistry implements RegistryAdapter {
  readonly type = 'file';
  readonly capabilities: AdapterCapabilities = {
    liveness: 'lease',
    crashSlackMs: RECHECK_MS,
    propagationMs: 2 * RECHECK_MS,
    ttlRangeMs: TTL_RANGE_MS,
    fields: CARRIED_FIELDS,
    namespaces: true,
    anyName: true,
  };

  readonly #context: AdapterContext;
  readonly #layout: Layout;
  readonly #isDefaultDir: boolean;
  readonly #book: LeaseBook;
  readonly #folders = new Map<string, ServiceFolder>();
  /** The leases of this process by TTL: one, unless it registers with several TTLs. */
  readonly #held = new Map<number, HeldLease>();
  readonly #closing = new AbortController();
  #written = 0;

  constructor({ dir }: FileAdapterOptions, context: AdapterContext) {
    this.#context = context;
    this.#isDefaultDir = dir === undefined;
    this.#layout = new Layout(dir ?? defaultDir());
    this.#book = new LeaseBook(this.#layout, context.clock);
  }

  async open(signal: AbortSignal): Promise<void> {
    const { root } = this.#layout;
    const doing = `open the registry in ${root}`;
    this.#check(signal, doing);
    try {
      await makeRoot(this.#layout, this.#isDefaultDir);
      throwIfAborted(signal, doing);
      const probe = this.#temporaryFile();
      await writeFile(probe, '', { flag: 'wx' });
      await unlink(probe);
    } catch (error) {
      throw fsFailure(error, doing, root);
    }
    await this.#tidy();
  }

  close(): Promise<void> {
    this.#closing.abort(new RegistryError('CLOSED', `the registry in ${this.#layout.root} is closed`));
    this.#folders.clear();
    this.#held.clear();
    return Promise.resolve();
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const doing = `register ${instance.service}/${instance.id} in ${this.#layout.root}`;
    this.#check(signal, doing);
    const path = this.#entryBase(instance);
    const before = this.#leaseOf(path);
    const lease = this.#lease(clampTtl(ttlMs));
    // Held before it is written, so that a deregister of the lease's last other entry doesn't drop the lease.
    lease.entries.add(path);
    try {
      await this.#create(lease);
      throwIfAborted(signal, doing);
      await this.#put(instance, lease, signal, doing);
      if (before && before !== lease) await this.#release(before, path, instance);
    } catch (error) {
      if (before !== lease) lease.entries.delete(path);
      throw fsFailure(error, doing, this.#layout.root);
    }
    return lease;
  }

  async deregister(key: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${key.service}/${key.id} in ${this.#layout.root}`;
    this.#check(signal, doing);
    const path = this.#entryBase(key);
    const own = this.#leaseOf(path);
    try {
      // An entry counts while its lease has a file, so this finds all that could be listed under the id, and
      // doesn't grow with the number of entries.
      const leases = new Set((await readdir(this.#layout.leases)).filter(isLeaseId));
      if (own) leases.add(own.id);
      const folder = this.#layout.serviceFolder(key);
      await Promise.all(Array.from(leases, (lease) => removeEntry(join(folder, entryName(key.id, lease)))));
      if (own) await this.#release(own, path, key);
    } catch (error) {
      throw fsFailure(error, doing, this.#layout.root);
    }
  }

  /**
   * Written beside the owner's file, with a time between that one's and any that the owner writes afterwards: so whichever of
   * both comes to stand last, the owner's newest counts, and no lock is needed.
   */
  async override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const doing = `override ${key.service}/${key.id} in ${this.#layout.root}`;
    this.#check(signal, doing);
    try {
      const standing = await this.#folder(key).find(key.id, signal);
      if (!standing) throw notListed(key);
      const text = encodeInstance(overridden(standing.instance, change));
      const path = join(this.#layout.serviceFolder(key), overrideName(standing.name));
      await this.#write(text, timeOver(standing.mtimeMs), signal, doing, (file) => rename(file, path));
    } catch (error) {
      throw fsFailure(error, doing, this.#layout.root);
    }
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    this.#check(signal, `list ${key.service}`);
    const { list } = await this.#folder(key).look(signal, true);
    return list;
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const folder = this.#folder(key);
    const paths = [
      this.#layout.serviceFolder(key),
      this.#layout.namespaceFolder(key.namespace),
      this.#layout.root,
    ];
    let last: InstanceList | undefined;
    for await (const { full, until, wakeWithin } of this.#looks(`watch ${key.service}`, paths, signal)) {
      const { list, nextExpiryMs } = await folder.look(until, full);
      if (!last || !sameList(last, list)) yield { kind: 'list', ...list };
      last = list;
      // A lease is over when its TTL has passed, not at that moment: one millisecond later.
      wakeWithin(nextExpiryMs + 1);
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    this.#check(signal, `list the services of ${namespace}`);
    return await this.#serviceNames(namespace, signal, true);
  }

  async *watchServices(
    namespace: string,
    { signal }: CallOptions,
  ): AsyncGenerator<readonly string[], void, undefined> {
    const paths = [this.#layout.namespaceFolder(namespace), this.#layout.root];
    let last: string | undefined;
    // The folder tells of new services; who comes and goes inside them is seen at the next look.
    for await (const { until } of this.#looks(`watch the services of ${namespace}`, paths, signal)) {
      const names = await this.#serviceNames(namespace, until, false);
      const now = JSON.stringify(names.toSorted());
      if (now !== last) yield names;
      last = now;
    }
  }

  async #serviceNames(namespace: string, signal: AbortSignal, full: boolean): Promise<readonly string[]> {
    try {
      const services = await folderNames(this.#layout.namespaceFolder(namespace));
      const names: string[] = [];
      for (const service of services) {
        if (await this.#folder({ namespace, service }).hasLiveEntry(signal, full)) names.push(service);
      }
      // Without the leases every service looks dead: that is a broken registry, not an empty one.
      await lstat(this.#layout.leases);
      return names;
    } catch (error) {
      throw fsFailure(error, `list the services of ${namespace}`, this.#layout.root);
    }
  }

  /** Yields when it is time to look: now, after each change in the first of the folders that exists, and every so often. */
  async *#looks(
    doing: string,
    paths: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<Look, void, undefined> {
    this.#check(signal, doing);
    const link = linkSignals(signal, this.#closing.signal);
    const until = link.signal;
    const wakeUps = new WakeUps(this.#context.clock, until);
    try {
      for (let full = true; !until.aborted;) {
        let waitMs = RECHECK_MS;
        await wakeUps.follow(paths);
        yield { full, until, wakeWithin: (ms) => (waitMs = Math.min(waitMs, ms)) };
        full = await wakeUps.wait(waitMs);
      }
      throwIfAborted(until, doing);
    } finally {
      wakeUps.close();
      link.release();
    }
  }

  #check(signal: AbortSignal, doing: string): void {
    throwIfAborted(this.#closing.signal, doing);
    throwIfAborted(signal, doing);
  }

  /** Tells one entry from another within this process. */
  #entryBase(key: InstanceKey): string {
    return join(this.#layout.serviceFolder(key), entryName(key.id, ''));
  }

  #folder(key: ServiceKey): ServiceFolder {
    const path = this.#layout.serviceFolder(key);
    const folder = this.#folders.get(path) ?? new ServiceFolder(key, this.#layout, this.#book);
    // The one that was used last stands last.
    this.#folders.delete(path);
    this.#folders.set(path, folder);
    const [oldest] = this.#folders.keys();
    if (this.#folders.size > REMEMBERED_SERVICES && oldest !== undefined) this.#folders.delete(oldest);
    return folder;
  }

  #lease(ttlMs: number): HeldLease {
    const held = this.#held.get(ttlMs);
    if (held) return held;
    const lease = new HeldLease(ttlMs, this.#layout, this.#context.clock, {
      makeRoot: () => makeRoot(this.#layout, this.#isDefaultDir),
      leaseLost: (lost) => this.#forget(lost),
    });
    this.#held.set(ttlMs, lease);
    return lease;
  }

  async #create(lease: HeldLease): Promise<void> {
    try {
      await lease.create();
    } catch (error) {
      this.#forget(lease);
      throw error;
    }
  }

  #leaseOf(path: string): HeldLease | undefined {
    return [...this.#held.values()].find((lease) => lease.entries.has(path));
  }

  #forget(lease: HeldLease): void {
    if (this.#held.get(lease.ttlMs) === lease) this.#held.delete(lease.ttlMs);
  }

  /** Puts the entry in its folder, over the one that it replaces. */
  async #put(instance: ServiceInstance, lease: HeldLease, signal: AbortSignal, doing: string): Promise<void> {
    const path = join(this.#layout.serviceFolder(instance), entryName(instance.id, lease.id));
    const write = () =>
      this.#write(encodeInstance(instance), writeTime(this.#context.clock), signal, doing, (file) =>
        this.#move(file, path, instance),
      );
    await write().catch(async (error: unknown) => {
      if (errno(error) !== 'ENOENT') throw error;
      // The folder for temporary files is gone. If all is gone, so is the lease, and the beat says so.
      await lease.beat();
      await makeRoot(this.#layout, this.#isDefaultDir);
      await write();
    });
    try {
      // It counts no more, by its time; but a clock that is set back would let it.
      await removeFile(overrideName(path));
      // After the move: if the lease is there now, the entry counts.
      await lease.beat();
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'LEASE_LOST') await removeFile(path);
      throw error;
    }
  }

  /** Writes a file beside the folders that are listed, and lets `move` put it there whole. */
  async #write(
    text: string,
    writtenMs: number,
    signal: AbortSignal,
    doing: string,
    move: (file: string) => Promise<void>,
  ): Promise<void> {
    const file = this.#temporaryFile();
    try {
      await writeFile(file, text, { flag: 'wx' });
      await utimes(file, writtenMs / 1000, writtenMs / 1000);
      throwIfAborted(signal, doing);
      await move(file);
    } catch (error) {
      await removeFile(file).catch(() => undefined);
      throw error;
    }
  }

  async #move(file: string, path: string, key: ServiceKey): Promise<void> {
    const namespace = this.#layout.namespaceFolder(key.namespace);
    const service = this.#layout.serviceFolder(key);
    if (!(await statFolder(namespace)) || !(await statFolder(service)))
      await mkdir(service, { recursive: true });
    await rename(file, path);
  }

  async #release(lease: HeldLease, path: string, key: InstanceKey): Promise<void> {
    await removeEntry(join(this.#layout.serviceFolder(key), entryName(key.id, lease.id)));
    lease.entries.delete(path);
    if (lease.entries.size > 0) return;
    this.#forget(lease);
    await lease.remove();
  }

  #temporaryFile(): string {
    return join(this.#layout.temporary, `${process.pid}-${this.#id}-${this.#written++}`);
  }

  readonly #id = Math.trunc(Math.random() * 1e12).toString(36);

  /** Clears away what dead processes left. What can't be cleared does no harm. */
  async #tidy(): Promise<void> {
    try {
      await this.#book.sweepAll(TIDY_AT_ONCE);
      for (const name of (await readdir(this.#layout.temporary)).slice(0, TIDY_AT_ONCE)) {
        const file = join(this.#layout.temporary, name);
        if (Date.now() - (await lstat(file)).mtimeMs > ABANDONED_MS) await unlink(file);
      }
    } catch {
      // Another process tidies too, or a file belongs to another user.
    }
  }
}

/** Removes an entry, then what an operator put over it, which counts for nothing alone. */
async function removeEntry(path: string): Promise<void> {
  await removeFile(path);
  await removeFile(overrideName(path));
}

/** The services that have a folder. */
async function folderNames(path: string): Promise<string[]> {
  if (!(await statFolder(path))) return [];
  const folders = (await readFolder(path)).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name }) => decodeSegment(name) || []);
}

function sameList(a: InstanceList, b: InstanceList): boolean {
  if (a === b) return true;
  if (a.instances.length !== b.instances.length || a.skipped.length !== b.skipped.length) return false;
  const known = new Map(a.instances.map((instance) => [instance.id, instance]));
  const reasons = new Map(a.skipped.map(({ key, reason }) => [key, reason]));
  return (
    b.instances.every((instance) => {
      const before = known.get(instance.id);
      return before !== undefined && sameInstance(before, instance);
    }) && b.skipped.every(({ key, reason }) => reasons.get(key) === reason)
  );
}
