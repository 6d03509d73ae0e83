import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock, Random } from './clock.ts';
import type { RollcallConfig } from './config/schema.ts';
import type { InstanceKey, ServiceInstance, ServiceKey } from './instance.ts';

/**
 * The contract between the core and one kind of registry. This file is all that an adapter's author must know.
 *
 * **Adapters translate; the core behaves.** An adapter knows a wire: how an instance is written, how liveness is
 * kept, how a change is noticed. It has no retries, no backoff, no cache of lists, no beat timer: the core has them
 * once, for all. What the core promises to an adapter:
 *
 * - `open` is called before anything else, never twice at once, and again on the next use after it failed.
 * - Every call carries a signal, aborted at the call's deadline or when the caller gives up.
 * - For one instance, at most one `register` or `deregister` is under way.
 * - `close` is called once, last, after every call has settled or been aborted.
 *
 * What an adapter promises to the core (each is a test in `@rollcall/conformance`):
 *
 * - Every call settles soon after its signal aborts. One whose signal has aborted already rejects and writes nothing.
 * - `close` ends every watch; calls after it reject.
 * - A failure rejects with a `RegistryError`. **An outage is never an empty list.**
 * - An entry that can't be read is reported in `skipped`; it never fails a list.
 * - What it hands out is made by `defineInstance`, `decodeInstance` or `instanceFromWire`, and so is frozen.
 */
export interface RegistryAdapter {
  /** The name that `registry.type` selects, such as `etcd`. */
  readonly type: string;
  readonly capabilities: AdapterCapabilities;

  /** Connects, as far as the registry has connections. It may find the registry down: then it rejects `UNAVAILABLE`. */
  open(signal: AbortSignal): Promise<void>;

  /** Lets go of every socket, timer and listener. Registrations are left to expire. Safe after a failed `open`, and twice. */
  close(): Promise<void>;

  /**
   * Lists the instance, or replaces what is listed under its id, in place: no reader ever sees a gap. Idempotent.
   * May hand out the same {@link Lease} object for many instances; the core renews each object once.
   *
   * Rejects with `LEASE_LOST` when the lease that it meant to use is gone; the next call then gets a new one.
   */
  register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease>;

  /** Removes the entry. Resolves when it is gone, and also when it wasn't there. */
  deregister(instance: InstanceKey, options: CallOptions): Promise<void>;

  /**
   * An operator's change of an entry that another process keeps listed: in place, and without a touch on its
   * liveness, which stays the owner's. The owner's core sees it on its next look, and keeps it in what it writes
   * (see `keepsOverrides`). Left out where the registry can't.
   *
   * Rejects with `INVALID_ARGUMENT` and the field `id` when no such entry is listed; nothing is created then.
   */
  override?(instance: InstanceKey, change: InstanceOverride, options: CallOptions): Promise<void>;

  /** Reads what the registry lists for a service now. A service that nobody registered is an empty list. */
  discover(key: ServiceKey, options: CallOptions): Promise<InstanceList>;

  /**
   * Tells every change of a service, in order. The first item after each call is a full list; then deltas or full
   * lists, as suits the registry. Changes that have come together are best told together. The iteration ends by throwing,
   * when it can't go on (the core calls again), or by the signal. It never resumes by itself: that is the core's. Left out by
   * an adapter that can't; the core polls.
   */
  watch?(key: ServiceKey, options: CallOptions): AsyncIterable<WatchEvent>;

  /** The names of the services that have an entry in the namespace, in no order. */
  listServices(namespace: string, options: CallOptions): Promise<readonly string[]>;

  /** As `watch`, for {@link listServices}: each item is the full list of names. */
  watchServices?(namespace: string, options: CallOptions): AsyncIterable<readonly string[]>;
}

/** What an operator may change of somebody else's entry. */
export type InstanceOverride = Partial<Pick<ServiceInstance, 'status' | 'weight'>>;

export interface CallOptions {
  /** Ends the wait. The core sets the deadline. */
  readonly signal: AbortSignal;
}

export interface RegisterOptions extends CallOptions {
  /** How long the entry may outlive its last beat, in milliseconds. */
  readonly ttlMs: number;
}

/** The proof of life behind one or many registrations. */
export interface Lease {
  /** The TTL that the registry granted, in milliseconds. The core renews at a third of it. */
  readonly ttlMs: number;

  /**
   * Sends one beat. Rejects `LEASE_LOST` when the registry doesn't know the lease any more. Left out where the
   * connection or session itself is the proof of life.
   */
  renew?(options: CallOptions): Promise<void>;

  /** Aborts when the registry tells that the lease is gone (a session expired, a connection was replaced). */
  readonly lost?: AbortSignal;
}

export interface InstanceList {
  readonly instances: readonly ServiceInstance[];
  readonly skipped: readonly SkippedEntry[];
  /** The registry's own version of this answer, where it has one. For people and logs; the core doesn't compare it. */
  readonly revision?: string;
}

/** An entry that is in the registry but can't be read as an instance. */
export interface SkippedEntry {
  /** Where it stands in the registry. */
  readonly key: string;
  /** What is wrong with it. */
  readonly reason: string;
}

/** An entry that `error` keeps from being read as an instance. */
export function skippedEntry(key: string, error: unknown): SkippedEntry {
  return { key, reason: error instanceof Error ? error.message : String(error) };
}

export type WatchEvent =
  | ({ readonly kind: 'list' } & InstanceList)
  | {
      readonly kind: 'delta';
      /** Added or changed. */
      readonly put: readonly ServiceInstance[];
      /** Ids of those that left, or became unreadable. An id is never in both. */
      readonly removed: readonly string[];
      /** Those that became unreadable with this change. */
      readonly skipped: readonly SkippedEntry[];
      readonly revision?: string;
    };

/** A field of an instance that a registry may or may not be able to carry. */
export type CarriedField =
  | 'scheme'
  | 'status'
  | 'weight'
  | 'version'
  | 'zone'
  | 'tags'
  | 'metadata'
  | 'endpoints';

/** Every {@link CarriedField}. */
export const CARRIED_FIELDS = [
  'scheme',
  'status',
  'weight',
  'version',
  'zone',
  'tags',
  'metadata',
  'endpoints',
] as const satisfies readonly CarriedField[];

/** What an adapter can do, as data: the core and the conformance kit read it instead of guessing. */
export interface AdapterCapabilities {
  /**
   * How the registry learns that a client died: a lease that the client renews (`lease`), a session or connection
   * whose end is noticed (`session`), or probes by the registry (`probe`).
   */
  readonly liveness: 'lease' | 'session' | 'probe';
  /** After a crash, an entry is gone within its TTL plus this, in milliseconds. */
  readonly crashSlackMs: number;
  /** A change is seen by `discover` and `watch` of another client within this, in milliseconds. */
  readonly propagationMs: number;
  /** The TTLs that the registry takes, in milliseconds; others are moved to the nearest. */
  readonly ttlRangeMs: { readonly min: number; readonly max: number };
  /** The fields that come back as they were written. `host` and `port` always do. */
  readonly fields: readonly CarriedField[];
  /** Whether two namespaces are apart in the registry. Without it the core lets nothing but `default` through. */
  readonly namespaces: boolean;
  /** Whether any name and id that `defineInstance` takes comes back as it was written. */
  readonly anyName: boolean;
  /**
   * Whether the registry itself keeps an override over what the owner writes later. Left out: it doesn't, and the
   * owner's core writes it again.
   */
  readonly keepsOverrides?: boolean;
  /** The most characters that metadata may hold, keys and values together; left out where the core's own limit is lower. */
  readonly maxMetadataCharacters?: number;
}

/** What an adapter gets besides its options. */
export interface AdapterContext {
  readonly clock: Clock;
  /** Tells people what the adapter saw; it must not hold a credential. */
  readonly warn: (message: string) => void;
  /** For an adapter that is made of others. There when `createRegistry` makes it. */
  readonly compose?: Composition;
}

/** What an adapter that is made of others needs besides. */
export interface Composition {
  readonly random: Random;
  /** The whole configuration. */
  readonly config: RollcallConfig;
  /**
   * Makes another adapter, as `registry.type` and `registry.options` would.
   *
   * @param at where both stand below `registry.options`, for messages: `['sources', 0]`.
   * @throws {RegistryError} `INVALID_CONFIG`
   */
  adapter(type: string, options: unknown, at: readonly (string | number)[]): Promise<RegistryAdapter>;
}

/**
 * How an adapter is found by its type: a package exports one of these as `adapter`.
 *
 * ```ts
 * // rollcall-redis/index.ts; users set `registry.type: rollcall-redis`
 * export const adapter = defineAdapter({ type: 'redis', options: z.strictObject({ url: z.url() }), create })
 * ```
 */
export interface AdapterDefinition<
  Options = unknown,
  Made extends RegistryAdapter | Promise<RegistryAdapter> = RegistryAdapter | Promise<RegistryAdapter>,
> {
  readonly type: string;
  /** Checks `registry.options`: any Standard Schema (https://standardschema.dev), such as Zod's or Valibot's. */
  readonly options: StandardSchemaV1<unknown, Options>;
  /** Throws, or rejects, where the options can't be used. Most adapters are made at once. */
  create(options: Options, context: AdapterContext): Made;
}

/** Types an {@link AdapterDefinition}; it returns what it gets. */
export function defineAdapter<
  Options,
  Made extends RegistryAdapter | Promise<RegistryAdapter> = RegistryAdapter,
>(definition: AdapterDefinition<Options, Made>): AdapterDefinition<Options, Made> {
  return definition;
}
