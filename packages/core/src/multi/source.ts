import type { AdapterContext, Composition, RegistryAdapter } from '../adapter.ts';
import { RegistryError } from '../errors.ts';
import { Events } from '../events.ts';
import { GuardedAdapter } from '../guarded-adapter.ts';
import type { InstanceKey, ServiceInstance, ServiceKey } from '../instance.ts';
import { describeEvent } from '../log.ts';
import { Registrar } from '../registrar.ts';
import type { Registration } from '../registration.ts';
import { type FeedOptions, ServiceFeed } from '../service-feed.ts';
import type { ResolvedMultiOptions } from './options.ts';

/**
 * One of the registries behind `multi`, with a registrar and feeds of its own: it is tried again, followed and held on to
 * as if it were the only one, whatever becomes of the others.
 */
export class Source {
  readonly name: string;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly adapter: GuardedAdapter;
  readonly events = new Events();
  readonly #registrar: Registrar;
  readonly #feedOptions: FeedOptions;
  /** Those that run, and the last good list of each service, which outlives them. */
  readonly #feeds = new Set<ServiceFeed>();
  readonly #known = new Map<string, readonly ServiceInstance[]>();
  /** Those that are wanted. */
  readonly #registrations = new Map<string, Registration>();

  constructor(
    { name, use }: ResolvedMultiOptions['sources'][number],
    adapter: RegistryAdapter,
    { clock, warn }: AdapterContext,
    { random, config }: Composition,
  ) {
    const { registration, discovery, backoff } = config;
    // Half the time of those who ask: one that doesn't answer must be known to fail before they give up.
    const requestTimeoutMs = config.registry.requestTimeoutMs / 2;
    this.name = name;
    this.reads = use !== 'write';
    this.writes = use !== 'read';
    this.adapter = new GuardedAdapter(adapter, { clock, requestTimeoutMs });
    const machinery = { adapter: this.adapter, clock, random, events: this.events, backoff };
    this.#registrar = new Registrar({ ...machinery, ...registration });
    this.#feedOptions = {
      ...machinery,
      ...discovery,
      requestTimeoutMs,
      maxStaleMs: discovery.maxStaleMs,
      // The whole list is saved where it is put together.
      disk: undefined,
    };
    this.events.on((event) => {
      const { level, message } = describeEvent(event);
      if (level === 'warn' || level === 'error') warn(`${name}: ${message}`);
    });
  }

  /** Wants exactly this listed here, and writes it now. */
  put(instance: ServiceInstance, ttlMs: number): void {
    const key = nameOf(instance);
    const registration = this.#registrations.get(key);
    if (registration) registration.rewrite(instance);
    else this.#registrations.set(key, this.#registrar.register(instance, { ttlMs }));
  }

  /** Resolves when the source has the newest of what was put; rejects when an attempt fails, which goes on. */
  async listed(key: InstanceKey, signal: AbortSignal): Promise<void> {
    await this.#orFailure(key, signal, this.#registrations.get(nameOf(key))?.listed({ signal }));
  }

  isListed(key: InstanceKey): boolean {
    return this.#registrations.get(nameOf(key))?.state === 'registered';
  }

  /** Resolves when the source no longer lists it; rejects when an attempt fails. What was put here is tried again. */
  async remove(key: InstanceKey, signal: AbortSignal): Promise<void> {
    const registration = this.#registrations.get(nameOf(key));
    this.#registrations.delete(nameOf(key));
    await this.#orFailure(
      key,
      signal,
      registration?.deregister({ signal }) ?? this.adapter.deregister(key, signal),
    );
  }

  /** Follows a service until {@link Following.stop}. `onChange` is called when there is something new to see. */
  follow(key: ServiceKey, onChange: () => void): Following {
    const name = JSON.stringify([key.namespace, key.service]);
    const feed = new ServiceFeed(key, this.#feedOptions);
    this.#feeds.add(feed);
    feed.subscribe(({ instances }) => {
      this.#known.set(name, instances);
      onChange();
    });
    const unhook = this.events.on((event) => {
      if (event.type === 'list-live' || event.type === 'list-stale' || event.type === 'entry-skipped')
        onChange();
    });
    return {
      look: () => ({
        // A feed is live a moment before its first list is there to be read.
        isLive: feed.status === 'live' && feed.snapshot !== undefined,
        instances: feed.snapshot?.instances ?? this.#known.get(name),
        error: feed.error,
        skipped: feed.skipped,
      }),
      stop: () => {
        unhook();
        this.#feeds.delete(feed);
        void feed.stop(new RegistryError('ABORTED', 'no longer watched'));
      },
    };
  }

  async close(reason: RegistryError): Promise<void> {
    await Promise.all([
      this.#registrar.close(reason),
      ...Array.from(this.#feeds, (feed) => feed.stop(reason)),
    ]);
    await this.adapter.close();
  }

  async #orFailure(key: InstanceKey, signal: AbortSignal, done: Promise<void> | undefined): Promise<void> {
    signal.throwIfAborted();
    let stop = (): void => {};
    const failure = new Promise<never>((_resolve, reject) => {
      stop = this.events.on((event) => {
        if (event.type === 'registration-retry' && nameOf(event.instance) === nameOf(key))
          reject(event.error);
      });
    });
    try {
      await Promise.race([done, failure]);
    } finally {
      stop();
      // Whichever comes later is nobody's any more.
      failure.catch(() => {});
      done?.catch(() => {});
    }
  }
}

/** One text for each instance, whatever signs its names hold. */
export function nameOf({ namespace, service, id }: InstanceKey): string {
  return JSON.stringify([namespace, service, id]);
}

/** One service as one source tells it. */
export interface Following {
  look(): {
    readonly isLive: boolean;
    readonly instances: readonly ServiceInstance[] | undefined;
    /** Why it isn't live. */
    readonly error: RegistryError | undefined;
    readonly skipped: ReadonlyMap<string, string>;
  };
  stop(): void;
}
