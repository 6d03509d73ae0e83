import type { Clock } from './clock.ts';
import type { ServiceInstance, ServiceKey } from './instance.ts';

/**
 * Where a list comes from: the registry; the disk, because the registry hasn't answered yet; or held, which is the
 * registry's list plus instances that it dropped all at once, until a second look confirms that.
 */
export type SnapshotSource = 'registry' | 'disk' | 'held';

/** The instances of a service at one moment. Frozen: a reader may keep it for as long as it likes. */
export interface Snapshot extends ServiceKey {
  /** Every listed instance, whatever its status. An unchanged one is the same object from snapshot to snapshot. */
  readonly instances: readonly ServiceInstance[];
  readonly source: SnapshotSource;
  /** Counts up with each change of the content, from 1. */
  readonly version: number;
  /** The registry's own version of the list, where it has one. */
  readonly revision: string | undefined;
  /** How long ago the registry last confirmed this list, in milliseconds. Grows while it can't be reached. */
  readonly ageMs: number;
}

/** Makes the frozen snapshot. `confirmedAt` is of the clock's monotonic time. */
export function createSnapshot(fields: Omit<Snapshot, 'ageMs'>, confirmedAt: number, clock: Clock): Snapshot {
  return Object.freeze(new ServiceSnapshot(fields, confirmedAt, clock));
}

/** A class, as an object with a getter of its own costs a closure and ten times the time, for each change. */
class ServiceSnapshot implements Snapshot {
  readonly namespace: string;
  readonly service: string;
  readonly instances: readonly ServiceInstance[];
  readonly source: SnapshotSource;
  readonly version: number;
  readonly revision: string | undefined;
  readonly #confirmedAt: number;
  readonly #clock: Clock;

  constructor(fields: Omit<Snapshot, 'ageMs'>, confirmedAt: number, clock: Clock) {
    this.namespace = fields.namespace;
    this.service = fields.service;
    this.instances = fields.instances;
    this.source = fields.source;
    this.version = fields.version;
    this.revision = fields.revision;
    this.#confirmedAt = confirmedAt;
    this.#clock = clock;
  }

  get ageMs(): number {
    return this.#clock.now() - this.#confirmedAt;
  }
}
