import {
  createController,
  RegistryError,
  SharedAttempt,
  toRegistryError,
  type AdapterCapabilities,
  type Clock,
  type InstanceKey,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type RegisterOptions,
  type CallOptions,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
} from '@rollcall/core';

/** One adapter for two users: opened once, whoever comes first. */
export class SharedAdapter implements RegistryAdapter {
  readonly type: string;
  readonly capabilities: AdapterCapabilities;
  readonly watch?: (key: ServiceKey, options: CallOptions) => AsyncIterable<WatchEvent>;
  readonly #adapter: RegistryAdapter;
  readonly #opening: SharedAttempt<void>;
  #isOpen = false;

  constructor(adapter: RegistryAdapter) {
    this.#adapter = adapter;
    this.type = adapter.type;
    this.capabilities = adapter.capabilities;
    if (adapter.watch) this.watch = (key, options) => watchOf(adapter, key, options);
    this.#opening = new SharedAttempt(async (signal) => {
      await adapter.open(signal);
      this.#isOpen = true;
    });
  }

  async open(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) await this.#opening.join(signal);
  }

  close(): Promise<void> {
    return this.#adapter.close();
  }

  register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease> {
    return this.#adapter.register(instance, options);
  }

  deregister(instance: InstanceKey, options: CallOptions): Promise<void> {
    return this.#adapter.deregister(instance, options);
  }

  /** Not named `override`: the core would then adopt what it sees, which here is done with the gateway's marks. */
  async changeEntry(instance: InstanceKey, change: InstanceOverride, options: CallOptions): Promise<void> {
    if (!this.#adapter.override) {
      const message = `${this.type} can't change an entry that another process keeps: ask the gateway that keeps it`;
      throw new RegistryError('UNSUPPORTED', message);
    }
    await this.#adapter.override(instance, change, options);
  }

  discover(key: ServiceKey, options: CallOptions): Promise<InstanceList> {
    return this.#adapter.discover(key, options);
  }

  listServices(namespace: string, options: CallOptions): Promise<readonly string[]> {
    return this.#adapter.listServices(namespace, options);
  }
}

/** The adapter has a watch: who calls this has looked. */
function watchOf(adapter: RegistryAdapter, key: ServiceKey, options: CallOptions): AsyncIterable<WatchEvent> {
  const events = adapter.watch?.(key, options);
  if (!events) throw new RegistryError('UNSUPPORTED', `${adapter.type} has no watch`);
  return events;
}

interface Looks {
  running: Promise<unknown>;
  next: Promise<InstanceList> | undefined;
}

/** Single calls to the registry behind, besides what its `Registry` handle does by itself: each with a deadline. */
export class RegistryHand {
  readonly #adapter: SharedAdapter;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #closed = createController();
  readonly #looks = new Map<string, Looks>();

  constructor(adapter: SharedAdapter, options: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#adapter = adapter;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  get capabilities(): AdapterCapabilities {
    return this.#adapter.capabilities;
  }

  /** Connects, as far as the registry has connections. */
  open(): Promise<void> {
    return this.#call('connect', async () => {});
  }

  /** What the registry lists now: read after this call, and by one read for all who ask meanwhile. */
  look(key: ServiceKey): Promise<InstanceList> {
    const name = `${key.namespace}\n${key.service}`;
    const looks = this.#looks.get(name) ?? { running: Promise.resolve(), next: undefined };
    this.#looks.set(name, looks);
    looks.next ??= looks.running.then(() => {
      looks.next = undefined;
      const look = this.#call(`list ${key.namespace}/${key.service}`, (signal) =>
        this.#adapter.discover(key, { signal }),
      );
      looks.running = look
        .catch(() => {})
        .finally(() => {
          if (!looks.next) this.#looks.delete(name);
        });
      return look;
    });
    return looks.next;
  }

  deregister(key: InstanceKey): Promise<void> {
    return this.#call(`deregister ${key.namespace}/${key.service}/${key.id}`, (signal) =>
      this.#adapter.deregister(key, { signal }),
    );
  }

  override(key: InstanceKey, change: InstanceOverride): Promise<void> {
    return this.#call(`override ${key.namespace}/${key.service}/${key.id}`, (signal) =>
      this.#adapter.changeEntry(key, change, { signal }),
    );
  }

  /** Ends every call. */
  close(): void {
    this.#closed.abort(new RegistryError('CLOSED', 'the gateway is closed'));
  }

  async #call<T>(what: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const doing = `${this.#adapter.type}: ${what}`;
    const { signal: closed } = this.#closed;
    if (closed.aborted) throw closed.reason;
    const controller = createController();
    const end = new Promise<never>((_resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), {
        once: true,
      });
    });
    end.catch(() => {});
    const onClosed = (): void => controller.abort(closed.reason);
    closed.addEventListener('abort', onClosed, { once: true });
    const cancel = this.#clock.after(this.#timeoutMs, () => {
      const message = `${doing}: no answer within ${this.#timeoutMs} ms`;
      controller.abort(new RegistryError('DEADLINE_EXCEEDED', message));
    });
    try {
      await Promise.race([this.#adapter.open(controller.signal), end]);
      return await Promise.race([run(controller.signal), end]);
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : toRegistryError(error, doing);
    } finally {
      cancel();
      closed.removeEventListener('abort', onClosed);
    }
  }
}
