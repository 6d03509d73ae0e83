import type { Lease } from './adapter.ts';
import { sleep, type Clock, type Random } from './clock.ts';
import { createController } from './deadline.ts';
import { RegistryError } from './errors.ts';
import type { Events } from './events.ts';
import { fullJitter, jittered } from './full-jitter.ts';
import type { GuardedAdapter } from './guarded-adapter.ts';

/** Who depends on a lease. */
export interface LeaseHolder {
  /**
   * The lease is gone, and every entry under it.
   *
   * @param unanswered how many beats in a row had no answer; 0 when the registry told.
   */
  leaseLost(lease: Lease, error: RegistryError, unanswered: number): void;
}

export interface LeaseKeeperOptions {
  readonly adapter: GuardedAdapter;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
}

interface Keeping {
  readonly holders: Set<LeaseHolder>;
  readonly stop: AbortController;
}

/** The first wait after a failed beat is at most this, in milliseconds; it doubles up to a third of the TTL. */
const RETRY_BASE_MS = 250;

/**
 * Renews each lease once, however many registrations stand on it: a beat every third of the TTL, sooner after one
 * that failed. A lease is lost when the registry says so, or when no beat was accepted for a whole TTL.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #keeping = new Map<Lease, Keeping>();
  /** Leases that were kept once: nobody knows how much of their TTL is left. */
  readonly #keptBefore = new WeakSet<Lease>();

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Keeps the lease for this holder, until {@link release} or its loss. */
  hold(lease: Lease, holder: LeaseHolder): void {
    const kept = this.#keeping.get(lease);
    if (kept) {
      kept.holders.add(holder);
      return;
    }
    const keeping: Keeping = { holders: new Set([holder]), stop: createController() };
    this.#keeping.set(lease, keeping);
    void this.#keep(lease, keeping, this.#keptBefore.has(lease));
    this.#keptBefore.add(lease);
  }

  /** Stops the beats when this was the last holder. */
  release(lease: Lease, holder: LeaseHolder): void {
    const keeping = this.#keeping.get(lease);
    if (!keeping) return;
    keeping.holders.delete(holder);
    if (keeping.holders.size === 0) this.#drop(lease, keeping);
  }

  close(): void {
    for (const [lease, keeping] of this.#keeping) this.#drop(lease, keeping);
  }

  #drop(lease: Lease, keeping: Keeping): void {
    this.#keeping.delete(lease);
    keeping.stop.abort();
  }

  /** Ends when the lease is lost or dropped. */
  async #keep(lease: Lease, keeping: Keeping, isStale: boolean): Promise<void> {
    const { signal } = keeping.stop;
    const lose = (error: RegistryError, unanswered: number) => {
      if (this.#keeping.get(lease) !== keeping) return;
      this.#drop(lease, keeping);
      for (const holder of keeping.holders) holder.leaseLost(lease, error, unanswered);
    };
    const onLost = () => lose(lossOf(lease), 0);
    if (lease.lost?.aborted) {
      onLost();
      return;
    }
    lease.lost?.addEventListener('abort', onLost, { once: true });
    try {
      if (lease.renew) await this.#beat(lease, keeping, isStale, lose);
      else await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    } catch {
      // The signal ended a wait: the lease was dropped.
    } finally {
      lease.lost?.removeEventListener('abort', onLost);
    }
  }

  async #beat(
    lease: Lease,
    keeping: Keeping,
    isStale: boolean,
    lose: (error: RegistryError, unanswered: number) => void,
  ): Promise<void> {
    const { adapter, clock, random, events } = this.#options;
    const { signal } = keeping.stop;
    const periodMs = lease.ttlMs / 3;
    let acceptedAt = clock.now();
    let failures = 0;
    // A lease that is held anew, after an outage, may be about to run out: its first beat is due at once.
    for (let isDue = isStale; ; isDue = false) {
      const waitMs =
        failures === 0
          ? jittered(periodMs, 0.1, random)
          : fullJitter(failures - 1, { baseMs: RETRY_BASE_MS, capMs: periodMs }, random);
      await sleep(clock, isDue ? 0 : waitMs, signal);
      const sentAt = clock.now();
      try {
        await adapter.renew(lease, Math.ceil(periodMs), signal);
        acceptedAt = sentAt;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        const failure = error as RegistryError;
        failures++;
        events.emit({ type: 'beat-failed', registrations: keeping.holders.size, error: failure });
        if (failure.code === 'LEASE_LOST') {
          lose(failure, 0);
          return;
        }
        const silentMs = clock.now() - acceptedAt;
        if (silentMs >= lease.ttlMs) {
          const message = `no beat was accepted for ${Math.round(silentMs)} ms, the TTL is ${lease.ttlMs} ms`;
          lose(new RegistryError('LEASE_LOST', message, { cause: failure }), failures);
          return;
        }
      }
    }
  }
}

function lossOf(lease: Lease): RegistryError {
  const reason: unknown = lease.lost?.reason;
  return reason instanceof RegistryError
    ? reason
    : new RegistryError('LEASE_LOST', 'the registry ended the lease', { cause: reason });
}
