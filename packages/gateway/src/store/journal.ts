import type { InstanceOverride } from '@rollcall/core';
import type { HoldJournal } from '../held-instances.ts';
import type { LeaseJournal } from '../lease-table.ts';
import type { OverrideJournal } from '../overrides.ts';
import type { EmbeddedStore, StoreRecords } from './embedded-store.ts';

interface LeaseRecord {
  readonly subject: string;
  readonly ttlMs: number;
}

/** What a gateway on an embedded store knows besides the entries, kept in the same folder. */
export class StoreJournal implements LeaseJournal, HoldJournal, OverrideJournal {
  readonly #leases: StoreRecords;
  readonly #holds: StoreRecords;
  readonly #overrides: StoreRecords;

  constructor(store: EmbeddedStore) {
    this.#leases = store.records('lease');
    this.#holds = store.records('hold');
    this.#overrides = store.records('override');
  }

  saveLease({ id, subject, ttlMs }: LeaseRecord & { readonly id: string }): Promise<void> {
    return this.#leases.put(id, JSON.stringify({ subject, ttlMs } satisfies LeaseRecord));
  }

  deleteLease(id: string): Promise<void> {
    return this.#leases.delete(id);
  }

  saveHold(identity: string, leaseId: string): Promise<void> {
    return this.#holds.put(identity, leaseId);
  }

  deleteHold(identity: string): Promise<void> {
    return this.#holds.delete(identity);
  }

  saveOverride(identity: string, override: InstanceOverride): Promise<void> {
    return this.#overrides.put(identity, JSON.stringify(override));
  }

  deleteOverride(identity: string): Promise<void> {
    return this.#overrides.delete(identity);
  }

  async leases(): Promise<readonly (LeaseRecord & { readonly id: string })[]> {
    const records = await this.#leases.all();
    return records.map(([id, text]) => ({ id, ...(JSON.parse(text) as LeaseRecord) }));
  }

  /** Which instance is listed under which lease. */
  holds(): Promise<readonly (readonly [identity: string, leaseId: string])[]> {
    return this.#holds.all();
  }

  async overrides(): Promise<readonly (readonly [identity: string, override: InstanceOverride])[]> {
    const records = await this.#overrides.all();
    return records.map(([identity, text]) => [identity, JSON.parse(text) as InstanceOverride]);
  }
}
