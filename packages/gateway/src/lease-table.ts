import { randomBytes } from 'node:crypto';
import type { Clock } from '@rollcall/core';

/** The TTLs that clients may have, in milliseconds; others are moved to the nearest. */
export const LEASE_TTL_MS = { min: 1_000, max: 3_600_000 } as const;

/** A client's proof of life. */
export interface ClientLease {
  /** Can't be guessed. */
  readonly id: string;
  /** Whose it is: nobody else can renew it, or register with it. */
  readonly subject: string;
  readonly ttlMs: number;
  /** What is listed for as long as it is renewed, by `identityOf`. */
  readonly instances: Set<string>;
}

interface Entry extends ClientLease {
  deadline: number;
  abandoned: boolean;
  cancel: () => void;
}

/** Keeps leases over a restart. */
export interface LeaseJournal {
  saveLease(lease: { readonly id: string; readonly subject: string; readonly ttlMs: number }): Promise<void>;
  deleteLease(id: string): Promise<void>;
}

export interface LeaseTableOptions {
  readonly clock: Clock;
  /** How many there may be. */
  readonly max: number;
  /** The longest TTL that is granted, where that is less than {@link LEASE_TTL_MS} has. Milliseconds. */
  readonly maxTtlMs?: number;
  /** The time of a lease is up. It is no longer in the table. */
  readonly onExpired: (lease: ClientLease) => void;
  readonly journal: LeaseJournal | undefined;
}

/** The leases of this gateway's clients. */
export class LeaseTable {
  readonly #options: LeaseTableOptions;
  readonly #leases = new Map<string, Entry>();

  constructor(options: LeaseTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#leases.size;
  }

  get isFull(): boolean {
    return this.#leases.size >= this.#options.max;
  }

  /** @param ttlMs moved into what is granted. */
  async grant(subject: string, ttlMs: number): Promise<ClientLease> {
    const { maxTtlMs = LEASE_TTL_MS.max } = this.#options;
    const granted = Math.min(maxTtlMs, Math.max(LEASE_TTL_MS.min, ttlMs));
    const lease = this.#add(randomBytes(18).toString('base64url'), subject, granted);
    await this.#options.journal?.saveLease(lease);
    return lease;
  }

  /** Puts back a lease of an earlier run, with a fresh TTL. */
  restore(id: string, subject: string, ttlMs: number): ClientLease {
    return this.#add(id, subject, ttlMs);
  }

  /** `undefined` when there is none of this id that is the subject's. */
  find(id: string, subject: string): ClientLease | undefined {
    const lease = this.#leases.get(id);
    return lease && isOf(lease, subject) ? lease : undefined;
  }

  /** Its time begins anew. */
  renew(id: string, subject: string): ClientLease | undefined {
    const lease = this.#leases.get(id);
    if (!lease || !isOf(lease, subject)) return undefined;
    lease.deadline = this.#options.clock.now() + lease.ttlMs;
    return lease;
  }

  /** Ends it: it can't be renewed any more. What was listed under it is the caller's to take off. */
  async revoke(id: string, subject: string): Promise<ClientLease | undefined> {
    const lease = this.#leases.get(id);
    if (lease?.subject !== subject) return undefined;
    this.#remove(lease);
    await this.#options.journal?.deleteLease(id);
    return lease;
  }

  /**
   * Another gateway has an instance that was listed under it: its client is told at its next beat that the lease is lost, and
   * registers all of them anew. Until then, or until its time is up, the others stay.
   */
  abandon(id: string): void {
    const lease = this.#leases.get(id);
    if (lease) lease.abandoned = true;
  }

  byId(id: string): ClientLease | undefined {
    return this.#leases.get(id);
  }

  close(): void {
    for (const lease of this.#leases.values()) lease.cancel();
    this.#leases.clear();
  }

  #add(id: string, subject: string, ttlMs: number): Entry {
    const { clock } = this.#options;
    const lease: Entry = {
      id,
      subject,
      ttlMs,
      instances: new Set(),
      deadline: clock.now() + ttlMs,
      abandoned: false,
      cancel: () => {},
    };
    this.#leases.set(id, lease);
    this.#arm(lease);
    return lease;
  }

  /** A beat only moves the deadline: the timer looks at it when it fires. */
  #arm(lease: Entry): void {
    const { clock, onExpired, journal } = this.#options;
    lease.cancel = clock.after(Math.max(1, lease.deadline - clock.now()), () => {
      if (lease.deadline > clock.now()) {
        this.#arm(lease);
        return;
      }
      this.#remove(lease);
      journal?.deleteLease(lease.id).catch(() => {});
      onExpired(lease);
    });
  }

  #remove(lease: Entry): void {
    lease.cancel();
    this.#leases.delete(lease.id);
  }
}

function isOf({ subject, abandoned }: Entry, caller: string): boolean {
  return subject === caller && !abandoned;
}
