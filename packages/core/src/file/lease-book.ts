import { lstat, readFile, readdir } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { errno, fsFailure } from './failure.ts';
import { removeFile } from './folder.ts';
import { isLeaseId, type Layout } from './layout.ts';

/**
 * What a reader knows of a lease:
 *
 * - `live`: its last beat is younger than its TTL.
 * - `late`: the TTL has passed. Its entries are not listed, but a late beat brings them back.
 * - `dead`: late by a further TTL. Whoever sees it removes it.
 * - `gone`: it has no file, and no lease of this id ever will again.
 * - `unreadable`: its file is not one that Rollcall wrote.
 */
export type LeaseState =
  | { readonly kind: 'live'; readonly remainingMs: number }
  | { readonly kind: 'late' | 'dead' | 'gone' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The TTLs that a lease may have, in milliseconds. */
export const TTL_RANGE_MS = { min: 500, max: 86_400_000 } as const;

/** Forgotten when there are this many: leases that ended are never asked for again, and the rest is read again. */
const REMEMBERED_LEASES = 10_000;

interface Known {
  readonly ttlMs: number;
  readonly beatMs: number;
  /** Monotonic: when this reader first saw that beat. */
  readonly seenMs: number;
  /** Monotonic. */
  readonly expiresMs: number;
}

/** Reads the leases of all processes. */
export class LeaseBook {
  readonly #layout: Layout;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(layout: Layout, clock: Clock) {
    this.#layout = layout;
    this.#clock = clock;
  }

  /** @param fresh looks at the file in any case; otherwise only when the last beat that was seen has run out. */
  async state(lease: string, fresh: boolean): Promise<LeaseState> {
    const known = this.#known.get(lease);
    const now = this.#clock.now();
    if (known && !fresh && known.expiresMs > now) return { kind: 'live', remainingMs: known.expiresMs - now };
    try {
      const ttlMs = known?.ttlMs ?? (await this.#readTtl(lease));
      if (ttlMs === undefined) return { kind: 'unreadable', reason: `its lease ${lease} can't be read` };
      const { mtimeMs } = await lstat(this.#layout.lease(lease));
      return this.#judge(lease, ttlMs, mtimeMs);
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw fsFailure(error, `look at lease ${lease}`, this.#layout.root);
      this.#known.delete(lease);
      return { kind: 'gone' };
    }
  }

  /**
   * Removes the file of a dead lease, and with it the lease for good. Its entries may be removed after that, never
   * before. An owner that beats just now loses: it is told so at its next beat, and registers again.
   */
  async sweep(lease: string): Promise<void> {
    this.#known.delete(lease);
    await removeFile(this.#layout.lease(lease));
  }

  /** Removes the dead leases that no entry names any more, at most `limit`. */
  async sweepAll(limit: number): Promise<void> {
    const names = await readdir(this.#layout.leases);
    for (const name of names.filter(isLeaseId).slice(0, limit)) {
      if ((await this.state(name, true)).kind === 'dead') await this.sweep(name);
    }
  }

  #judge(lease: string, ttlMs: number, beatMs: number): LeaseState {
    const known = this.#known.get(lease);
    const now = this.#clock.now();
    const seenMs = known?.beatMs === beatMs ? known.seenMs : now;
    const age = this.#clock.wallNow() - beatMs;
    // A beat in the future: the machine's clock was set back. It counts from when it was first seen, so that a
    // process that died before the change isn't listed until the clock has caught up.
    const remainingMs = age >= 0 ? ttlMs - age : ttlMs - (now - seenMs);
    if (!known && this.#known.size >= REMEMBERED_LEASES) this.#known.clear();
    this.#known.set(lease, { ttlMs, beatMs, seenMs, expiresMs: now + remainingMs });
    if (remainingMs > 0) return { kind: 'live', remainingMs };
    return { kind: remainingMs > -ttlMs ? 'late' : 'dead' };
  }

  async #readTtl(lease: string): Promise<number | undefined> {
    const text = await readFile(this.#layout.lease(lease), 'utf8');
    try {
      const raw: unknown = JSON.parse(text);
      if (typeof raw !== 'object' || raw === null || !('ttlMs' in raw)) return undefined;
      return typeof raw.ttlMs === 'number' ? clampTtl(raw.ttlMs) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Moves a TTL to the nearest that a lease may have. */
export function clampTtl(ttlMs: number): number {
  return Math.min(TTL_RANGE_MS.max, Math.max(TTL_RANGE_MS.min, ttlMs));
}
