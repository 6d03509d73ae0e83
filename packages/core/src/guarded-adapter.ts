import type {
  AdapterCapabilities,
  CallOptions,
  InstanceList,
  InstanceOverride,
  Lease,
  RegistryAdapter,
  WatchEvent,
} from './adapter.ts';
import type { Clock } from './clock.ts';
import { abortError, createController, linkSignals, orAbort, withDeadline } from './deadline.ts';
import { RegistryError, toRegistryError } from './errors.ts';
import type { InstanceKey, ServiceInstance, ServiceKey } from './instance.ts';
import { DEFAULT_NAMESPACE } from './names.ts';

export interface GuardOptions {
  readonly clock: Clock;
  /** The deadline of every call, in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** How the core calls an adapter: opened once and again after a failure, every wait bounded, every error ours. */
export class GuardedAdapter {
  readonly #adapter: RegistryAdapter;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #closed = createController();
  #opening: Promise<void> | undefined;

  constructor(adapter: RegistryAdapter, { clock, requestTimeoutMs }: GuardOptions) {
    this.#adapter = adapter;
    this.#clock = clock;
    this.#timeoutMs = requestTimeoutMs;
  }

  get type(): string {
    return this.#adapter.type;
  }

  get capabilities(): AdapterCapabilities {
    return this.#adapter.capabilities;
  }

  /** Whether what an operator makes of an entry is to be kept by its owner. */
  get ownerKeepsOverrides(): boolean {
    return this.#adapter.override !== undefined && this.capabilities.keepsOverrides !== true;
  }

  get canWatch(): boolean {
    return this.#adapter.watch !== undefined;
  }

  get canOverride(): boolean {
    return this.#adapter.override !== undefined;
  }

  /** @throws {RegistryError} `UNSUPPORTED` for a namespace other than `default` where the registry has none. */
  checkNamespace(namespace: string): void {
    if (this.capabilities.namespaces || namespace === DEFAULT_NAMESPACE) return;
    const message = `${this.type}, as it is configured, has no namespaces: use ${DEFAULT_NAMESPACE}, not ${namespace}`;
    throw new RegistryError('UNSUPPORTED', message, { field: 'namespace' });
  }

  register(instance: ServiceInstance, ttlMs: number, signal: AbortSignal): Promise<Lease> {
    return this.#call(`register ${instanceName(instance)}`, signal, (options) =>
      this.#adapter.register(instance, { ...options, ttlMs }),
    );
  }

  /** Renews within `timeoutMs`, so that a beat that hangs doesn't take the next one's time. */
  renew(lease: Lease, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const doing = `renew the lease`;
    return this.#call(
      doing,
      signal,
      async (options) => lease.renew?.(options),
      Math.min(timeoutMs, this.#timeoutMs),
    );
  }

  deregister(key: InstanceKey, signal: AbortSignal): Promise<void> {
    return this.#call(`deregister ${instanceName(key)}`, signal, (options) =>
      this.#adapter.deregister(key, options),
    );
  }

  /**
   * @throws {RegistryError} `UNSUPPORTED` where the adapter has no override, or its registry no place for what is
   *   changed; else as {@link RegistryAdapter.override}.
   */
  override(key: InstanceKey, change: InstanceOverride, signal: AbortSignal): Promise<void> {
    return this.#call(`override ${instanceName(key)}`, signal, async (options) => {
      for (const field of ['status', 'weight'] as const) {
        if (change[field] === undefined || this.capabilities.fields.includes(field)) continue;
        const message = `${this.type}, as it is configured, has no place for the ${field} of an instance: use a layout that has`;
        throw new RegistryError('UNSUPPORTED', message, { field });
      }
      if (!this.#adapter.override) {
        const message = `${this.type} can't change what another process registered: let the instance's own process do it`;
        throw new RegistryError('UNSUPPORTED', message);
      }
      await this.#adapter.override(key, change, options);
    });
  }

  discover(key: ServiceKey, signal: AbortSignal): Promise<InstanceList> {
    return this.#call(`list ${serviceName(key)}`, signal, (options) => this.#adapter.discover(key, options));
  }

  listServices(namespace: string, signal: AbortSignal): Promise<readonly string[]> {
    return this.#call(`list the services of ${namespace}`, signal, (options) =>
      this.#adapter.listServices(namespace, options),
    );
  }

  /**
   * Hands every item of the adapter's watch to `onEvent`; the first has the deadline of a call. It only ends by
   * throwing. Not a generator itself: a burst of events would pay for each layer, for each event.
   */
  async watch(key: ServiceKey, signal: AbortSignal, onEvent: (event: WatchEvent) => void): Promise<never> {
    const doing = `${this.type}: watch ${serviceName(key)}`;
    const link = linkSignals(signal, this.#closed.signal);
    // One listener for the whole watch, which gives up the wait of the moment.
    let ended = link.signal.aborted;
    let giveUp = (_reason: unknown): void => {};
    const onAbort = () => {
      ended = true;
      giveUp(link.signal.reason);
    };
    link.signal.addEventListener('abort', onAbort, { once: true });
    let iterator: AsyncIterator<WatchEvent> | undefined;
    try {
      let next = await this.#call(`watch ${serviceName(key)}`, signal, async () => {
        iterator = this.#adapter.watch?.(key, { signal: link.signal })[Symbol.asyncIterator]();
        if (!iterator)
          throw new RegistryError('UNSUPPORTED', `${doing}: this adapter has no watch, use mode poll`);
        return await iterator.next();
      });
      if (!next.done && next.value.kind !== 'list') {
        throw new RegistryError('PROTOCOL', `${doing}: the first item is no full list; mend the adapter`);
      }
      const source = iterator;
      while (source && !next.done && !ended) {
        onEvent(next.value);
        // What the event led to may have ended the watch.
        if (ended) break;
        next = await new Promise<IteratorResult<WatchEvent>>((resolve, reject) => {
          giveUp = reject;
          source.next().then(resolve, reject);
        });
      }
      throw new RegistryError('UNAVAILABLE', `${doing}: the registry ended the watch`);
    } catch (error) {
      throw link.signal.aborted ? abortError(link.signal, doing) : toRegistryError(error, doing);
    } finally {
      link.controller.abort(new RegistryError('ABORTED', `${doing}: no longer wanted`));
      link.release();
      // Not awaited: an adapter that doesn't heed its signal must not hold us.
      iterator?.return?.().catch(() => {});
    }
  }

  /** Ends every wait, then closes the adapter, which gets as long as a call. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(
      new RegistryError('CLOSED', `${this.type}: this registry handle is closed, create another`),
    );
    const doing = `${this.type}: close`;
    await withDeadline({ clock: this.#clock, timeoutMs: this.#timeoutMs, doing, signals: [] }, () =>
      this.#adapter.close(),
    );
  }

  #call<T>(
    what: string,
    signal: AbortSignal,
    run: (options: CallOptions) => Promise<T>,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<T> {
    const signals = [this.#closed.signal, signal];
    return withDeadline(
      { clock: this.#clock, timeoutMs, doing: `${this.type}: ${what}`, signals },
      async (linked) => {
        await orAbort(this.#open(), linked);
        return await run({ signal: linked });
      },
    );
  }

  /** Opens the adapter if it isn't. Everyone who asks meanwhile shares the one attempt. */
  #open(): Promise<void> {
    this.#opening ??= withDeadline(
      {
        clock: this.#clock,
        timeoutMs: this.#timeoutMs,
        doing: `${this.type}: connect`,
        signals: [this.#closed.signal],
      },
      (signal) => this.#adapter.open(signal),
    ).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }
}

/** How an instance is named in messages. */
export function instanceName({ service, id, namespace }: InstanceKey): string {
  return `${serviceName({ service, namespace })}/${id}`;
}

/** How a service is named in messages. */
export function serviceName({ service, namespace }: ServiceKey): string {
  return namespace === DEFAULT_NAMESPACE ? service : `${namespace}/${service}`;
}
