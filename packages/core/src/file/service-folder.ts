import { isUtf8 } from 'node:buffer';
import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceList, SkippedEntry } from '../adapter.ts';
import { decodeInstance } from '../codec.ts';
import { sameInstance, type ServiceInstance, type ServiceKey } from '../instance.ts';
import { errno, fsFailure, throwIfAborted } from './failure.ts';
import { readFolder, removeFile, statFolder } from './folder.ts';
import { overrideName, parseEntryName, type Layout } from './layout.ts';
import type { LeaseBook, LeaseState } from './lease-book.ts';

/** The largest file that is read as an entry, in bytes. An instance is far smaller. */
const MAX_ENTRY_BYTES = 1_048_576;

/** How many files are looked at side by side. */
const AT_ONCE = 64;

/** The most dead entries that one look removes. */
const SWEEP_AT_ONCE = 1_000;

/**
 * A change that comes this soon after another may leave a folder the same time stamp (kernels take it from a coarse clock,
 * some file systems store even, whole seconds), so a younger stamp proves nothing.
 */
const STAMP_SETTLES_MS = 2_000;

/** What one look at a service found. */
export interface Sight {
  readonly list: InstanceList;
  /** When the next lease may run out, in milliseconds from now; `Infinity` when none is live. */
  readonly nextExpiryMs: number;
}

/** Reads one service's folder, and reads no file twice that didn't change. */
export class ServiceFolder {
  readonly #key: ServiceKey;
  readonly #parent: string;
  readonly #path: string;
  readonly #layout: Layout;
  readonly #leases: LeaseBook;
  #listing: Listing = NOTHING;
  #last: LastLook | undefined;

  constructor(key: ServiceKey, layout: Layout, leases: LeaseBook) {
    this.#key = key;
    this.#parent = layout.namespaceFolder(key.namespace);
    this.#path = layout.serviceFolder(key);
    this.#layout = layout;
    this.#leases = leases;
  }

  /**
   * @param full looks at every file and lease. Otherwise a folder that says that nothing in it changed is believed,
   * and only leases that ran out are looked at.
   */
  async look(signal: AbortSignal, full: boolean): Promise<Sight> {
    const doing = `list ${this.#key.service}`;
    try {
      throwIfAborted(signal, doing);
      const listing = await this.#list(full);
      const fresh = listing !== this.#last?.listing;
      const states = await this.#leaseStates(listing, fresh, signal);
      const kinds = Array.from(states, ([lease, { kind }]) => `${lease} ${kind}`).join();
      const last = this.#last;
      if (!fresh && last?.kinds === kinds) {
        await this.#checkRegistry();
        return { list: last.list, nextExpiryMs: nextExpiry(states) };
      }
      const entries = new Map<string, Entry>();
      await inTurns(listing.files, signal, doing, async ({ name, id, lease }) => {
        if (states.get(lease)?.kind !== 'live') return;
        const entry = (fresh ? undefined : last?.entries.get(name)) ?? (await this.#read(name, id));
        if (entry) entries.set(name, entry);
      });
      await this.#checkRegistry();
      const list = toList(listing, states, entries, this.#path);
      this.#listing = listing;
      this.#last = { listing, kinds, entries, list };
      await this.#sweep(listing, states);
      return { list, nextExpiryMs: nextExpiry(states) };
    } catch (error) {
      throw fsFailure(error, doing, this.#layout.root);
    }
  }

  /** What is listed under an id; reads every file. */
  async find(id: string, signal: AbortSignal): Promise<Standing | undefined> {
    await this.look(signal, true);
    return this.#last && standingOf(this.#last.listing, this.#last.entries).get(id);
  }

  /** Whether the folder has an entry of a live lease. `full` as for {@link look}; no file is read. */
  async hasLiveEntry(signal: AbortSignal, full: boolean): Promise<boolean> {
    const doing = `look for entries of ${this.#key.service}`;
    try {
      throwIfAborted(signal, doing);
      const listing = await this.#list(full);
      const states = await this.#leaseStates(listing, full || listing !== this.#listing, signal);
      this.#listing = listing;
      await this.#sweep(listing, states);
      return listing.files.some(({ lease, isOverride }) => !isOverride && states.get(lease)?.kind === 'live');
    } catch (error) {
      throw fsFailure(error, doing, this.#layout.root);
    }
  }

  /** Lists the folder, unless `full` is not asked for and its time stamp proves the last listing. */
  async #list(full: boolean): Promise<Listing> {
    const stats = (await statFolder(this.#parent)) && (await statFolder(this.#path));
    if (!stats) return NOTHING;
    const stamp = stampOf(stats);
    if (!full && this.#listing.settled && this.#listing.stamp === stamp) return this.#listing;
    const found = new Map<string, Dirent>();
    // By the clock of the file system, which is the machine's. Its `ctime` can't be set by hand.
    const settled = Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs) > STAMP_SETTLES_MS;
    // A name that is replaced during `readdir` may be passed over by it on some file systems, so a folder that
    // is changing is read twice and a name counts when either saw it.
    for (let looks = settled ? 1 : 2; looks > 0; looks--) {
      for (const entry of await readFolder(this.#path)) found.set(entry.name, entry);
    }
    return { stamp, settled, ...sortOut(found.values(), this.#path) };
  }

  async #leaseStates(
    listing: Listing,
    fresh: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, LeaseState>> {
    const states = new Map<string, LeaseState>();
    const leases = [...new Set(listing.files.map(({ lease }) => lease))];
    await inTurns(leases, signal, `list ${this.#key.service}`, async (lease) => {
      states.set(lease, await this.#leases.state(lease, fresh));
    });
    return states;
  }

  /** `undefined` for a file that is gone. */
  async #read(name: string, id: string): Promise<Entry | undefined> {
    const path = join(this.#path, name);
    const known = this.#last?.entries.get(name);
    try {
      const stats = await lstat(path);
      const stamp = stampOf(stats);
      // No two writes of Rollcall have one stamp: see `writeTime`.
      if (known?.stamp === stamp) return known;
      const content = this.#decode(await readEntry(path), id, known?.content);
      return { stamp, mtimeMs: stats.mtimeMs, content };
    } catch (error) {
      const code = errno(error);
      if (code === 'ENOENT') return undefined;
      // The fault of this process or its machine, not of one file: a list without it would be a lie.
      if (code === undefined || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') throw error;
      return { stamp: '', mtimeMs: 0, content: `can't be read (${code})` };
    }
  }

  #decode(
    text: string | { readonly problem: string },
    id: string,
    known: Entry['content'] | undefined,
  ): Entry['content'] {
    if (typeof text === 'object') return text.problem;
    try {
      const instance = decodeInstance(text, { ...this.#key, id });
      // Written again with the same content: readers keep the object that they have.
      return typeof known === 'object' && sameInstance(known, instance) ? known : instance;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Without the leases every entry looks dead: that is a broken registry, not an empty one. */
  async #checkRegistry(): Promise<void> {
    await lstat(this.#layout.leases);
  }

  /** Removes what dead processes left behind. A failure is left to the next one that looks. */
  async #sweep(listing: Listing, states: ReadonlyMap<string, LeaseState>): Promise<void> {
    const isOver = (lease: string) =>
      states.get(lease)?.kind === 'gone' || states.get(lease)?.kind === 'dead';
    const over = listing.files.filter(({ lease }) => isOver(lease)).slice(0, SWEEP_AT_ONCE);
    if (over.length === 0) return;
    try {
      await this.#checkRegistry();
      const dead = new Set(
        over.map(({ lease }) => lease).filter((lease) => states.get(lease)?.kind === 'dead'),
      );
      await Promise.all(Array.from(dead, (lease) => this.#leases.sweep(lease)));
      await Promise.all(over.map(({ name }) => removeFile(join(this.#path, name))));
    } catch {
      // This process may only read, or another sweeps just now.
    }
  }
}

/** What the last look read, for the next one. */
interface LastLook {
  readonly listing: Listing;
  /** What each lease was. */
  readonly kinds: string;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly list: InstanceList;
}

/** What a folder holds, by names alone. */
interface Listing {
  readonly stamp: string;
  /** Whether a later change is sure to change the stamp. */
  readonly settled: boolean;
  readonly files: readonly EntryFile[];
  readonly skipped: readonly SkippedEntry[];
}

interface EntryFile {
  readonly name: string;
  readonly id: string;
  readonly lease: string;
  readonly isOverride: boolean;
}

/** The entry that counts of those under one id. */
interface Standing {
  /** The name of the file that its owner wrote. */
  readonly name: string;
  /** When the owner wrote it. */
  readonly ownedMs: number;
  /** When it was written, by its owner or over it. */
  readonly mtimeMs: number;
  readonly instance: ServiceInstance;
}

interface Entry {
  readonly stamp: string;
  readonly mtimeMs: number;
  /** The instance, or why there is none. */
  readonly content: ServiceInstance | string;
}

/** A folder that isn't there: nobody registered the service yet. */
const NOTHING: Listing = { stamp: '', settled: false, files: [], skipped: [] };

function sortOut(found: Iterable<Dirent>, path: string): Pick<Listing, 'files' | 'skipped'> {
  const files: EntryFile[] = [];
  const skipped: SkippedEntry[] = [];
  for (const entry of found) {
    if (entry.name.startsWith('.') || entry.isDirectory()) continue;
    const skip = (reason: string) => skipped.push({ key: join(path, entry.name), reason });
    const parsed = parseEntryName(entry.name);
    if (entry.isSymbolicLink()) skip('is a symbolic link, which is not followed');
    else if (!entry.isFile()) skip('is not a regular file');
    else if (!parsed) skip('is not named {id}@{lease}.json: it is not an entry of Rollcall');
    else files.push({ name: entry.name, ...parsed });
  }
  return { files, skipped };
}

function toList(
  listing: Listing,
  states: ReadonlyMap<string, LeaseState>,
  entries: ReadonlyMap<string, Entry>,
  path: string,
): InstanceList {
  const skipped = [...listing.skipped];
  for (const { name, lease } of listing.files) {
    const state = states.get(lease);
    const content = entries.get(name)?.content;
    if (state?.kind === 'unreadable') skipped.push({ key: join(path, name), reason: state.reason });
    if (typeof content === 'string') skipped.push({ key: join(path, name), reason: content });
  }
  return {
    instances: Array.from(standingOf(listing, entries).values(), ({ instance }) => instance),
    skipped,
  };
}

function standingOf({ files }: Listing, entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, Standing> {
  const standing = new Map<string, Standing>();
  for (const { name, id, isOverride } of files) {
    const own = isOverride ? undefined : entries.get(name);
    if (typeof own?.content !== 'object') continue;
    // One id under two leases: a process that was started again, before the lease of the last one ran out.
    if (own.mtimeMs < (standing.get(id)?.ownedMs ?? 0)) continue;
    const over = entries.get(overrideName(name));
    const { content: instance, mtimeMs } =
      typeof over?.content === 'object' && over.mtimeMs > own.mtimeMs ? over : own;
    if (typeof instance === 'object') standing.set(id, { name, ownedMs: own.mtimeMs, mtimeMs, instance });
  }
  return standing;
}

function nextExpiry(states: ReadonlyMap<string, LeaseState>): number {
  let next = Infinity;
  for (const state of states.values()) if (state.kind === 'live') next = Math.min(next, state.remainingMs);
  return next;
}

/** Runs `task` for each item, some side by side, and looks at the signal in between. */
async function inTurns<T>(
  items: readonly T[],
  signal: AbortSignal,
  doing: string,
  task: (item: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < items.length; i += AT_ONCE) {
    throwIfAborted(signal, doing);
    await Promise.all(items.slice(i, i + AT_ONCE).map(task));
  }
}

async function readEntry(path: string): Promise<string | { readonly problem: string }> {
  // Not through a link, and not waiting for the writer of a pipe, even when one was put in the file's place just now.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return { problem: 'is not a regular file' };
    if (stats.size > MAX_ENTRY_BYTES) {
      return { problem: `holds ${stats.size} bytes; the limit is ${MAX_ENTRY_BYTES}` };
    }
    const bytes = await file.readFile();
    return isUtf8(bytes) ? bytes.toString('utf8') : { problem: 'is not UTF-8 text' };
  } finally {
    await file.close();
  }
}

function stampOf(stats: Stats): string {
  return `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
}
