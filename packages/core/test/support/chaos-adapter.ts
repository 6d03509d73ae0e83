import {
  RegistryError,
  type CallOptions,
  type InstanceKey,
  type InstanceList,
  type Lease,
  type Random,
  type RegisterOptions,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
  memoryAdapter,
  type MemoryStore,
} from '@rollcall/core';

/** How often each fault strikes, 0 to 1. */
export interface Chaos {
  /** The request never arrives. */
  fail: number;
  /** The request takes effect, the answer is lost. */
  loseAnswer: number;
  /** Nothing ever comes back; a write takes effect a little after its caller gave up. */
  hang: number;
  /** A list comes back empty although instances live. */
  lieEmpty: number;
  /** The longest an answer takes, in milliseconds. */
  delayMs: number;
}

export const CALM: Chaos = { fail: 0, loseAnswer: 0, hang: 0, lieEmpty: 0, delayMs: 0 };

/** A client of a memory store behind a network and a registry that fail at random, repeatably. */
export class ChaosAdapter implements RegistryAdapter {
  readonly type = 'chaos';
  readonly capabilities;
  readonly #inner: RegistryAdapter;
  readonly #store: MemoryStore;
  readonly #random: Random;
  readonly #chaos: Chaos;

  /** @param chaos is read anew at each call: the test changes it as it goes. */
  constructor(store: MemoryStore, chaos: Chaos, random: Random) {
    this.#inner = memoryAdapter({ store });
    this.capabilities = this.#inner.capabilities;
    this.#store = store;
    this.#chaos = chaos;
    this.#random = random;
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#call(signal, (late) => this.#inner.open(late));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease> {
    const lease = await this.#call(options.signal, (signal) =>
      this.#inner.register(instance, { ...options, signal }),
    );
    return this.#wrap(lease);
  }

  deregister(instance: InstanceKey, options: CallOptions): Promise<void> {
    return this.#call(options.signal, (signal) => this.#inner.deregister(instance, { signal }));
  }

  async discover(key: ServiceKey, options: CallOptions): Promise<InstanceList> {
    const list = await this.#call(options.signal, (signal) => this.#inner.discover(key, { signal }));
    return this.#random() < this.#chaos.lieEmpty ? { instances: [], skipped: [] } : list;
  }

  async *watch(key: ServiceKey, options: CallOptions): AsyncIterable<WatchEvent> {
    await this.#call(options.signal, async () => {});
    for await (const event of this.#inner.watch?.(key, options) ?? []) {
      if (this.#random() < this.#chaos.fail) throw new RegistryError('UNAVAILABLE', 'chaos: the watch broke');
      if (event.kind === 'list' && this.#random() < this.#chaos.lieEmpty)
        yield { kind: 'list', instances: [], skipped: [] };
      else yield event;
    }
  }

  listServices(namespace: string, options: CallOptions): Promise<readonly string[]> {
    return this.#call(options.signal, (signal) => this.#inner.listServices(namespace, { signal }));
  }

  /** The store hands out one lease per client; each keeps its one wrapper. */
  readonly #leases = new WeakMap<Lease, Lease>();

  #wrap(lease: Lease): Lease {
    const known = this.#leases.get(lease);
    if (known) return known;
    const wrapped: Lease = {
      ttlMs: lease.ttlMs,
      renew: ({ signal }) => this.#call(signal, async (late) => lease.renew?.({ signal: late })),
    };
    this.#leases.set(lease, wrapped);
    return wrapped;
  }

  async #call<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { fail, loseAnswer, hang, delayMs } = this.#chaos;
    const luck = this.#random();
    await this.#wait(this.#random() * delayMs, signal);
    if (luck < fail) throw new RegistryError('UNAVAILABLE', 'chaos: the request was lost');
    // What arrives takes effect, whether or not the caller still waits.
    const lasting = new AbortController().signal;
    if (luck < fail + hang) {
      signal.addEventListener('abort', () => {
        this.#store.clock.after(this.#random() * 20, () => void run(lasting).catch(() => {}));
      });
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    const result = await run(lasting);
    await this.#wait(this.#random() * delayMs, signal);
    if (luck < fail + hang + loseAnswer) throw new RegistryError('UNAVAILABLE', 'chaos: the answer was lost');
    return result;
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const cancel = this.#store.clock.after(ms, () => resolve());
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason);
      });
    });
  }
}
