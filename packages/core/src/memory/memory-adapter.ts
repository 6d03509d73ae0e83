import { z } from 'zod';
import {
  CARRIED_FIELDS,
  defineAdapter,
  type AdapterCapabilities,
  type AdapterDefinition,
  type CallOptions,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type RegisterOptions,
  type RegistryAdapter,
  type WatchEvent,
} from '../adapter.ts';
import type { Clock } from '../clock.ts';
import { abortError, createController } from '../deadline.ts';
import { RegistryError } from '../errors.ts';
import type { InstanceKey, ServiceInstance, ServiceKey } from '../instance.ts';
import { MemoryStore, type MemoryLease } from './memory-store.ts';

const CAPABILITIES: AdapterCapabilities = Object.freeze({
  liveness: 'lease',
  crashSlackMs: 50,
  propagationMs: 50,
  ttlRangeMs: { min: 1, max: Number.MAX_SAFE_INTEGER },
  fields: CARRIED_FIELDS,
  namespaces: true,
  anyName: true,
});

const optionsSchema = z.strictObject({
  store: z
    .string()
    .min(1)
    .default('default')
    .describe('Clients in this process that name the same store see each other.'),
});

/** The options of `registry.type: memory`. */
export type MemoryOptions = z.input<typeof optionsSchema>;

const stores = new WeakMap<Clock, Map<string, MemoryStore>>();

/** The adapter behind `registry.type: memory`. */
export const adapter: AdapterDefinition<z.output<typeof optionsSchema>> = defineAdapter({
  type: 'memory',
  options: optionsSchema,
  create: ({ store }, { clock }) => memoryAdapter({ store: namedStore(store, clock) }),
});

/** A client of a {@link MemoryStore}. Each one is what a process is to a real registry. */
export function memoryAdapter(options: { readonly store: MemoryStore }): RegistryAdapter {
  return new MemoryAdapter(options.store);
}

function namedStore(name: string, clock: Clock): MemoryStore {
  let named = stores.get(clock);
  if (!named) stores.set(clock, (named = new Map()));
  let store = named.get(name);
  if (!store) named.set(name, (store = new MemoryStore({ clock })));
  return store;
}

class MemoryAdapter implements RegistryAdapter {
  readonly type = 'memory';
  readonly capabilities = CAPABILITIES;
  readonly #store: MemoryStore;
  readonly #closed = createController();
  #lease: MemoryLease | undefined;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#check(signal);
    this.#store.names('');
  }

  async close(): Promise<void> {
    this.#closed.abort(new RegistryError('CLOSED', 'the memory adapter is closed'));
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    this.#check(signal);
    if (!this.#lease || this.#lease.revoked || this.#lease.ttlMs !== ttlMs)
      this.#lease = this.#store.grantLease(ttlMs);
    this.#store.put(instance, this.#lease);
    return this.#lease;
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    this.#check(signal);
    this.#store.delete(instance);
  }

  async override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    this.#check(signal);
    this.#store.override(key, change);
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    this.#check(signal);
    return this.#store.list(key);
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncIterable<WatchEvent> {
    this.#check(signal);
    yield* this.#store.watch(key, AbortSignal.any([signal, this.#closed.signal]));
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    this.#check(signal);
    return this.#store.names(namespace);
  }

  async *watchServices(namespace: string, { signal }: CallOptions): AsyncIterable<readonly string[]> {
    this.#check(signal);
    yield* this.#store.watchNames(namespace, AbortSignal.any([signal, this.#closed.signal]));
  }

  #check(signal: AbortSignal): void {
    if (this.#closed.signal.aborted)
      throw new RegistryError('CLOSED', 'the memory adapter is closed: open another');
    if (signal.aborted) throw abortError(signal, 'call the memory registry');
  }
}
