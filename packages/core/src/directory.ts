import type { SkippedEntry } from './adapter.ts';
import { admittedSource } from './admitted-source.ts';
import { RegistryError } from './errors.ts';
import type { GuardedAdapter } from './guarded-adapter.ts';
import { DEFAULT_NAMESPACE, checkName } from './names.ts';
import { crossingDenied, type Crossing, type NamespacePolicy } from './namespace-policy.ts';
import { ServiceFeed, type FeedOptions, type FeedStatus } from './service-feed.ts';
import type { Snapshot } from './snapshot.ts';
import type { WaitOptions } from './registration.ts';
import type { ServiceKey } from './instance.ts';

export interface DirectoryOptions extends FeedOptions {
  readonly adapter: GuardedAdapter;
  /** A service that nobody read or subscribed to for this long is no longer followed, in milliseconds. */
  readonly idleMs: number;
  /** The namespace of services that are asked for by name alone. */
  readonly namespace: string;
  /** The service that this process is, where it says so. */
  readonly ownService: string | undefined;
  /** What may be looked up in other namespaces. */
  readonly policy: NamespacePolicy;
}

/**
 * The instances of one service, always at hand. Reading costs a reference: no lock, no copy, no waiting.
 *
 * ```ts
 * const users = registry.service('user-service');
 * const { instances } = await users.load();
 * ```
 */
export class ServiceView {
  readonly key: ServiceKey;
  readonly #directory: Directory;
  #feed: ServiceFeed;

  /** Part of the directory. */
  constructor(key: ServiceKey, directory: Directory, feed: ServiceFeed) {
    this.key = key;
    this.#directory = directory;
    this.#feed = feed;
  }

  /**
   * The newest list. `undefined` while none is known yet, or after `discovery.maxStaleMs`: an outage is never an
   * empty list.
   */
  get snapshot(): Snapshot | undefined {
    const feed = this.#feed;
    if (feed.stopped) return this.#current().snapshot;
    feed.lookups++;
    return feed.snapshot;
  }

  /** Whether the list follows the registry now. */
  get status(): FeedStatus {
    return this.#current().status;
  }

  /** Why it doesn't. */
  get error(): RegistryError | undefined {
    return this.#current().error;
  }

  /** What is in the registry, but can't be read as an instance, as far as is known now. */
  get skipped(): readonly SkippedEntry[] {
    return Array.from(this.#current().skipped, ([key, reason]) => ({ key, reason }));
  }

  /**
   * The newest list; waits for the first one.
   *
   * @throws {RegistryError} why there is none, after `timeoutMs` (defaults to `registry.requestTimeoutMs`), or at
   * once where waiting can't help, such as `PERMISSION_DENIED`. A list on disk that isn't read yet is waited for a
   * second longer.
   */
  load({
    signal,
    timeoutMs = this.#directory.options.requestTimeoutMs,
  }: WaitOptions = {}): Promise<Snapshot> {
    return this.#current().load(timeoutMs, signal);
  }

  /**
   * Calls the listener with the newest snapshot, now and after each change. Changes that come faster than one turn
   * of the event loop are told as one.
   *
   * @returns the function that ends it.
   */
  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    return this.#current().subscribe(listener);
  }

  /** The newest snapshot, now and after each change, until the signal aborts. A slow reader skips to the newest. */
  async *changes({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Snapshot, void> {
    let newest: Snapshot | undefined;
    let wake = (): void => {};
    const stop = () => wake();
    const unsubscribe = this.subscribe((snapshot) => {
      newest = snapshot;
      wake();
    });
    signal?.addEventListener('abort', stop, { once: true });
    try {
      while (!signal?.aborted) {
        if (!newest) await new Promise<void>((resolve) => (wake = resolve));
        const snapshot = newest;
        newest = undefined;
        if (snapshot && !signal?.aborted) yield snapshot;
      }
    } finally {
      unsubscribe();
      signal?.removeEventListener('abort', stop);
    }
  }

  #current(): ServiceFeed {
    let feed = this.#feed;
    if (feed.stopped) this.#feed = feed = this.#directory.feed(this.key);
    feed.lookups++;
    return feed;
  }
}

/** A service that this process follows now, and how. */
export interface FollowedService {
  /** The same object for as long as it is followed; another when it is followed anew. */
  readonly key: ServiceKey;
  readonly status: FeedStatus;
  /** As {@link ServiceView.snapshot}. */
  readonly snapshot: Snapshot | undefined;
  /** How often its view was read, since it is followed: its list, its status, or to subscribe. */
  readonly lookups: number;
}

/** Every service that this process looks at: each followed once, shared by all who read it. */
export class Directory {
  readonly options: DirectoryOptions;
  readonly #feeds = new Map<string, Map<string, ServiceFeed>>();
  readonly #views = new Map<string, Map<string, ServiceView>>();
  readonly #home = new Map<string, ServiceView>();
  #closed: RegistryError | undefined;
  #cancelSweep: () => void = () => {};

  constructor(options: DirectoryOptions) {
    this.options = options;
    this.#views.set(options.namespace, this.#home);
    this.#sweepLater();
  }

  /** The view of a service; the same object for the same service. */
  service(service: string, namespace?: string): ServiceView {
    // The namespace of the configuration is the common case, and the one that is read for each call.
    const views = namespace === undefined ? this.#home : this.#views.get(namespace);
    return views?.get(service) ?? this.#addView(service, namespace ?? this.options.namespace);
  }

  /** Part of the view: the feed that follows this service now. */
  feed(key: ServiceKey): ServiceFeed {
    if (this.#closed) throw this.#closed;
    const feeds = submap(this.#feeds, key.namespace);
    let feed = feeds.get(key.service);
    if (!feed) {
      const { only } = this.#admit(key);
      const { adapter } = this.options;
      feed = new ServiceFeed(
        Object.freeze({ ...key }),
        only ? { ...this.options, adapter: admittedSource(adapter, only) } : this.options,
      );
      feeds.set(key.service, feed);
    }
    return feed;
  }

  /** What is followed now. To look at it is not to read it: it keeps no list alive. */
  get followed(): readonly FollowedService[] {
    const feeds = [...this.#feeds.values()].flatMap((services) =>
      Array.from(services.values(), ({ key, status, snapshot, lookups }) =>
        Object.freeze({ key, status, snapshot, lookups }),
      ),
    );
    return Object.freeze(feeds);
  }

  /** Ends every watch, and saves what is due. */
  async close(reason: RegistryError): Promise<void> {
    this.#closed = reason;
    this.#cancelSweep();
    const feeds = [...this.#feeds.values()].flatMap((services) => [...services.values()]);
    this.#feeds.clear();
    await Promise.all(feeds.map((feed) => feed.stop(reason)));
  }

  #addView(service: string, namespace: string): ServiceView {
    const key = Object.freeze({
      namespace: namespace === DEFAULT_NAMESPACE ? namespace : checkName('namespace', namespace),
      service: checkName('service', service),
    });
    this.options.adapter.checkNamespace(key.namespace);
    this.#admit(key);
    const view = new ServiceView(key, this, this.feed(key));
    submap(this.#views, namespace).set(service, view);
    return view;
  }

  /** @throws {RegistryError} `PERMISSION_DENIED` where the rules between namespaces deny the lookup. */
  #admit(key: ServiceKey): Extract<Crossing, { allowed: true }> {
    const { namespace, ownService, policy } = this.options;
    const crossing = policy.decide({ namespace, service: ownService }, key);
    if (!crossing.allowed) throw crossingDenied(key, crossing.why);
    return crossing;
  }

  #sweepLater(): void {
    this.#cancelSweep = this.options.clock.after(this.options.idleMs, () => {
      this.#sweep();
      this.#sweepLater();
    });
  }

  /** A feed that wasn't used since the last sweep is stopped. A view that is still in someone's hands starts another. */
  #sweep(): void {
    const idle = new RegistryError('CLOSED', 'not read for a while, so no longer followed');
    for (const [namespace, feeds] of this.#feeds) {
      for (const [service, feed] of feeds) {
        // A list that doesn't follow the registry now couldn't be had again.
        if (feed.lookups !== feed.lookupsSeen || feed.subscribed || feed.status === 'stale') {
          feed.lookupsSeen = feed.lookups;
          continue;
        }
        feeds.delete(service);
        this.#views.get(namespace)?.delete(service);
        void feed.stop(idle);
      }
    }
  }
}

function submap<V>(maps: Map<string, Map<string, V>>, name: string): Map<string, V> {
  let map = maps.get(name);
  if (!map) maps.set(name, (map = new Map()));
  return map;
}
