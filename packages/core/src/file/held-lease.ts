import { rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions, Lease } from '../adapter.ts';
import type { Clock } from '../clock.ts';
import { RegistryError } from '../errors.ts';
import { errno, fsFailure, throwIfAborted } from './failure.ts';
import { removeFile } from './folder.ts';
import { newLeaseId, type Layout } from './layout.ts';

export interface LeaseOwner {
  /** Makes the registry's folders where they are missing. */
  makeRoot(): Promise<void>;
  /** The lease's file is gone. */
  leaseLost(lease: HeldLease): void;
}

/** The lease of this process: one file, and one `utimes` for each beat, whatever the number of its entries. */
export class HeldLease implements Lease {
  readonly id: string = newLeaseId();
  readonly ttlMs: number;
  /** The paths of the entries that it keeps alive, those that are being written included. */
  readonly entries = new Set<string>();
  readonly #layout: Layout;
  readonly #clock: Clock;
  readonly #owner: LeaseOwner;
  #created: Promise<void> | undefined;

  constructor(ttlMs: number, layout: Layout, clock: Clock, owner: LeaseOwner) {
    this.ttlMs = ttlMs;
    this.#layout = layout;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Writes the lease file, once. */
  create(): Promise<void> {
    this.#created ??= this.#write();
    return this.#created;
  }

  async renew({ signal }: CallOptions): Promise<void> {
    throwIfAborted(signal, `renew the lease in ${this.#layout.root}`);
    await this.beat();
  }

  /** Moves the time of the last beat to now. `utimes` makes no file, so a lease that was swept stays gone. */
  async beat(): Promise<void> {
    const now = this.#clock.wallNow() / 1000;
    try {
      await utimes(this.#layout.lease(this.id), now, now);
    } catch (error) {
      const doing = `renew the lease in ${this.#layout.root}`;
      if (errno(error) !== 'ENOENT') throw fsFailure(error, doing, this.#layout.root);
      this.#owner.leaseLost(this);
      const why = 'it was not renewed in time and was swept, or was removed: register again';
      throw new RegistryError('LEASE_LOST', `${doing}: the file of lease ${this.id} is gone: ${why}`, {
        cause: error,
      });
    }
  }

  /** Gives the lease up. Whatever entry still names it is dead from now on. */
  async remove(): Promise<void> {
    await removeFile(this.#layout.lease(this.id));
  }

  async #write(): Promise<void> {
    const { root, temporary } = this.#layout;
    try {
      await this.#owner.makeRoot();
      const file = join(temporary, this.id);
      await writeFile(file, JSON.stringify({ ttlMs: this.ttlMs, pid: process.pid }), { flag: 'wx' });
      const now = this.#clock.wallNow() / 1000;
      await utimes(file, now, now);
      await rename(file, this.#layout.lease(this.id));
    } catch (error) {
      throw fsFailure(error, 'make a lease', root);
    }
  }
}
