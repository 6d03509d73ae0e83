import {
  CARRIED_FIELDS,
  RegistryError,
  type AdapterCapabilities,
  type CallOptions,
  type InstanceList,
  type Lease,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
} from '@rollcall/core';

const CAPABILITIES: AdapterCapabilities = {
  liveness: 'lease',
  crashSlackMs: 0,
  propagationMs: 0,
  ttlRangeMs: { min: 1, max: Number.MAX_SAFE_INTEGER },
  fields: CARRIED_FIELDS,
  namespaces: true,
  anyName: true,
};

interface Channel {
  readonly queue: WatchEvent[];
  wake: () => void;
}

/** A registry without a wire, so that only the core is measured: its watches say what the bench tells them to. */
export class PushAdapter implements RegistryAdapter {
  readonly type = 'push';
  readonly capabilities = CAPABILITIES;
  /** The beats that were sent. */
  beats = 0;
  /** One for all that is registered, as etcd's adapter has it. */
  readonly #lease: Lease;
  readonly #first: (service: string) => readonly ServiceInstance[];
  readonly #channels = new Map<string, Channel>();

  /** @param first what each service's first list holds; @param ttlMs of the lease. */
  constructor(first: (service: string) => readonly ServiceInstance[] = () => [], ttlMs = 15_000) {
    this.#first = first;
    this.#lease = {
      ttlMs,
      renew: () => {
        this.beats++;
        return Promise.resolve();
      },
    };
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  register(): Promise<Lease> {
    return Promise.resolve(this.#lease);
  }

  deregister(): Promise<void> {
    return Promise.resolve();
  }

  discover({ service }: ServiceKey): Promise<InstanceList> {
    return Promise.resolve({ instances: this.#first(service), skipped: [] });
  }

  async *watch({ service }: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent> {
    const channel: Channel = { queue: [], wake: () => {} };
    let ended = signal.aborted;
    const onAbort = () => {
      ended = true;
      channel.wake();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#channels.set(service, channel);
    try {
      yield { kind: 'list', instances: this.#first(service), skipped: [] };
      while (!ended) {
        for (const event of channel.queue.splice(0)) yield event;
        if (channel.queue.length === 0) await new Promise<void>((resolve) => (channel.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    throw new RegistryError('ABORTED', 'the watch was ended', { cause: signal.reason });
  }

  listServices(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  /** Tells the watch of a service that these were put. */
  put(service: string, instances: readonly ServiceInstance[]): void {
    const channel = this.#channels.get(service);
    if (!channel) throw new Error(`nobody watches ${service}`);
    channel.queue.push({ kind: 'delta', put: instances, removed: [], skipped: [] });
    channel.wake();
  }
}
