import {
  abortError,
  CARRIED_FIELDS,
  createController,
  defineAdapter,
  RegistryError,
  type AdapterCapabilities,
  type AdapterDefinition,
  type CallOptions,
  type InstanceKey,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type RegisterOptions,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
} from '@rollcall/core';
import * as z from 'zod';
import { EmbeddedStore } from './embedded-store.ts';

const CAPABILITIES: AdapterCapabilities = Object.freeze({
  liveness: 'lease',
  crashSlackMs: 250,
  propagationMs: 100,
  ttlRangeMs: { min: 1_000, max: 24 * 3_600_000 },
  fields: CARRIED_FIELDS,
  namespaces: true,
  anyName: true,
});

const optionsSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .default('rollcall-data')
    .describe('The folder that holds the data; made where it is missing. Defaults to rollcall-data.'),
});

/** The options of `registry.type: store`. */
export type StoreOptions = z.input<typeof optionsSchema>;

/** The embedded store as a registry: the adapter behind `registry.type: store` of a gateway. */
export const storeDefinition: AdapterDefinition<z.output<typeof optionsSchema>, StoreAdapter> = defineAdapter(
  {
    type: 'store',
    options: optionsSchema,
    create: ({ path }, { clock }) => new StoreAdapter(() => EmbeddedStore.open({ path, clock })),
  },
);

/** A client of an open {@link EmbeddedStore}, which others may share. To close it leaves the store open. */
export function storeAdapter(options: { readonly store: EmbeddedStore }): RegistryAdapter {
  return new StoreAdapter(async () => options.store, { keepsOpen: true });
}

/** A client of the embedded store: the store itself is opened with it, unless it is shared. */
export class StoreAdapter implements RegistryAdapter {
  readonly type = 'store';
  readonly capabilities = CAPABILITIES;
  readonly #open: () => Promise<EmbeddedStore>;
  readonly #keepsOpen: boolean;
  readonly #closed = createController();
  #store: EmbeddedStore | undefined;
  #lease: ReturnType<EmbeddedStore['grantLease']> | undefined;

  constructor(open: () => Promise<EmbeddedStore>, { keepsOpen = false } = {}) {
    this.#open = open;
    this.#keepsOpen = keepsOpen;
  }

  /** The store, once it is open. */
  get store(): EmbeddedStore | undefined {
    return this.#store;
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#check(signal);
    this.#store ??= await this.#open();
    if (this.#closed.signal.aborted && !this.#keepsOpen) await this.#store.close();
    this.#check(signal);
  }

  async close(): Promise<void> {
    this.#closed.abort(closed());
    if (!this.#keepsOpen) await this.#store?.close();
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const store = this.#check(signal);
    const { min, max } = CAPABILITIES.ttlRangeMs;
    const granted = Math.min(max, Math.max(min, ttlMs));
    if (!this.#lease || this.#lease.revoked || this.#lease.ttlMs !== granted)
      this.#lease = store.grantLease(granted);
    const lease = this.#lease;
    await store.put(instance, lease);
    return lease;
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    await this.#check(signal).delete(instance);
  }

  async override(instance: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    await this.#check(signal).override(instance, change);
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    return this.#check(signal).list(key);
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncIterable<WatchEvent> {
    const store = this.#check(signal);
    yield* store.watch(key, AbortSignal.any([signal, this.#closed.signal]));
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    return this.#check(signal).names(namespace);
  }

  async *watchServices(namespace: string, { signal }: CallOptions): AsyncIterable<readonly string[]> {
    const store = this.#check(signal);
    yield* store.watchNames(namespace, AbortSignal.any([signal, this.#closed.signal]));
  }

  #check(signal: AbortSignal): EmbeddedStore {
    if (this.#closed.signal.aborted) throw closed();
    if (signal.aborted) throw abortError(signal, 'call the embedded store');
    // Only `open` comes here without one, and it looks at nothing.
    return this.#store as EmbeddedStore;
  }
}

function closed(): RegistryError {
  return new RegistryError('CLOSED', 'the adapter of the embedded store is closed: open another');
}
