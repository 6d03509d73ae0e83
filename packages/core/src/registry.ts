import type { RegistryAdapter } from './adapter.ts';
import { findAdvertiseHost } from './advertise.ts';
import { systemClock, type Clock, type Random } from './clock.ts';
import type { RollcallConfig } from './config/schema.ts';
import { linkSignals } from './deadline.ts';
import { Directory, type FollowedService, type ServiceView } from './directory.ts';
import { DiskSnapshots } from './disk-snapshots.ts';
import { RegistryError } from './errors.ts';
import { Events, type EventListener } from './events.ts';
import { GuardedAdapter } from './guarded-adapter.ts';
import type { InstanceSpec } from './instance.ts';
import { whenListening } from './listening.ts';
import { crossingDenied, NamespacePolicy, type Viewpoint } from './namespace-policy.ts';
import { Registrar, type RegisterOptions } from './registrar.ts';
import type { Registration } from './registration.ts';
import { runShutdown, type ShutdownHooks, type ShutdownReport } from './shutdown.ts';

/** What {@link Registry.register} takes: the host is found where it isn't given. */
export type RegisterSpec = Omit<InstanceSpec, 'host'> & { readonly host?: string };

export interface RegistryParts {
  readonly adapter: RegistryAdapter;
  readonly config: RollcallConfig;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly events?: Events;
}

/** Nobody waits longer than this for others to see that it is out of service, in milliseconds. */
const MAX_NOTICE_MS = 1_000;

/** For callers to see who left, at least, in milliseconds. */
const PROPAGATION_DELAY_MS = 2_000;

/** A whole shutdown, and all of it but that delay: the least that both get where nothing is configured, in milliseconds. */
const SHUTDOWN_DEADLINE_MS = 30_000;
const SHUTDOWN_WORK_MS = 15_000;

/** Types whose registry never leaves the machine: an instance may advertise the loopback address there. */
const LOCAL_TYPES: ReadonlySet<string> = new Set(['memory', 'file']);

/** One process's side of a registry: what it lists, and what it finds. */
export class Registry {
  readonly config: RollcallConfig;
  /** The instance of the configuration's `service` block, when it has one. */
  readonly self: Registration | undefined;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #adapter: GuardedAdapter;
  readonly #registrar: Registrar;
  readonly #directory: Directory;
  readonly #policy: NamespacePolicy;
  readonly #hooks = new Set<ShutdownHooks>();
  readonly #readySelf: () => void;
  #closing: Promise<void> | undefined;
  #shutdown: Promise<ShutdownReport> | undefined;

  /** {@link createRegistry} makes one from the configuration; this is for those who have both parts at hand. */
  constructor({
    adapter,
    config,
    clock = systemClock,
    random = Math.random,
    events = new Events(),
  }: RegistryParts) {
    const { registry, registration, discovery, backoff, access } = config;
    this.config = config;
    this.#clock = clock;
    this.#events = events;
    this.#adapter = new GuardedAdapter(adapter, { clock, requestTimeoutMs: registry.requestTimeoutMs });
    const machinery = { adapter: this.#adapter, clock, random, events, backoff };
    this.#registrar = new Registrar({ ...machinery, ...registration });
    this.#policy = new NamespacePolicy(access);
    this.#directory = new Directory({
      ...machinery,
      ...discovery,
      maxStaleMs: discovery.maxStaleMs,
      requestTimeoutMs: registry.requestTimeoutMs,
      namespace: registry.namespace,
      ownService: config.service?.name,
      policy: this.#policy,
      disk:
        discovery.snapshotDir === undefined
          ? undefined
          : new DiskSnapshots(discovery.snapshotDir, adapter.type),
    });
    let readySelf = (): void => {};
    const manual = new Promise<void>((resolve) => (readySelf = resolve));
    this.#readySelf = readySelf;
    this.self = config.service && this.#registerSelf(config.service, manual);
  }

  /** The adapter's type, such as `etcd`. */
  get type(): string {
    return this.#adapter.type;
  }

  /** What this process lists. */
  get registrations(): readonly Registration[] {
    return this.#registrar.registrations;
  }

  /** The services that this process follows now, and how, for metrics. To look at it is not to read: it keeps no list alive. */
  get followed(): readonly FollowedService[] {
    return this.#directory.followed;
  }

  /**
   * Wants an instance listed, from now until `deregister()`, whatever happens to the registry meanwhile. Returns at
   * once; `await registration.listed()` waits until the registry has it.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` that names the field; nothing is written then.
   */
  register(spec: RegisterSpec, options: RegisterOptions = {}): Registration {
    return this.#registrar.register(
      { namespace: this.config.registry.namespace, ...spec, host: this.#host(spec) },
      options,
    );
  }

  /**
   * The instances of a service: followed from the first call on, once for the whole process.
   *
   * @throws {RegistryError} `PERMISSION_DENIED` for a service of another namespace, where no rule of `access` allows
   * it; the message has the rule that would.
   */
  service(service: string, namespace?: string): ServiceView {
    return this.#directory.service(service, namespace);
  }

  /**
   * The names of the services that have an instance, sorted. Of another namespace: those that may be looked up.
   *
   * @param options.namespace defaults to `registry.namespace`.
   * @throws {RegistryError} when the registry can't say; `PERMISSION_DENIED` where no rule of `access` lets anything
   * of that namespace be looked up.
   */
  async services(
    options: { readonly namespace?: string; readonly signal?: AbortSignal } = {},
  ): Promise<readonly string[]> {
    const namespace = options.namespace ?? this.config.registry.namespace;
    this.#adapter.checkNamespace(namespace);
    const from: Viewpoint = {
      namespace: this.config.registry.namespace,
      service: this.config.service?.name,
    };
    const crossing = this.#policy.decide(from, { namespace });
    if (!crossing.allowed) throw crossingDenied({ namespace }, crossing.why);
    const link = linkSignals(options.signal);
    try {
      const names = await this.#adapter.listServices(namespace, link.signal);
      return names.filter((service) => this.#policy.decide(from, { namespace, service }).allowed).toSorted();
    } finally {
      link.release();
    }
  }

  /** Calls the listener with everything that happens. @returns the function that ends it. */
  on(listener: EventListener): () => void {
    return this.#events.on(listener);
  }

  /** Lists the instance of the `service` block, where that says `ready: manual`. */
  ready(): void {
    this.#readySelf();
  }

  /** Adds what your program does on the way out. @returns the function that takes it back. */
  onShutdown(hooks: ShutdownHooks): () => void {
    // A copy, so that what is added twice is taken back once.
    const mine = { ...hooks };
    this.#hooks.add(mine);
    return () => this.#hooks.delete(mine);
  }

  /**
   * Leaves in good order: see {@link ShutdownHooks} and `docs/shutdown.md`. Never rejects; calls after the first
   * share its work.
   */
  shutdown(): Promise<ShutdownReport> {
    const { shutdown, registry } = this.config;
    const { propagationMs } = this.#adapter.capabilities;
    const { propagationDelayMs = Math.max(PROPAGATION_DELAY_MS, propagationMs) } = shutdown;
    const { deadlineMs = Math.max(SHUTDOWN_DEADLINE_MS, propagationDelayMs + SHUTDOWN_WORK_MS) } = shutdown;
    this.#shutdown ??= runShutdown({
      clock: this.#clock,
      events: this.#events,
      registrations: this.registrations,
      hooks: [...this.#hooks],
      registryTimeoutMs: registry.requestTimeoutMs,
      noticeMs: Math.min(MAX_NOTICE_MS, propagationMs),
      propagationDelayMs,
      deadlineMs,
      close: () => this.close(),
    });
    return this.#shutdown;
  }

  /**
   * Shuts down on SIGTERM and SIGINT, then ends the process: exit code 0, or 1 when a step failed. A second signal
   * ends it at once, with 128 + the signal's number.
   *
   * @returns the function that takes the handlers off again.
   */
  shutdownOnSignals(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): () => void {
    const onSignal = (signal: NodeJS.Signals, number: number) => {
      if (this.#shutdown) process.exit(128 + number);
      void this.shutdown().then(({ clean }) => process.exit(clean ? 0 : 1));
    };
    for (const signal of signals) process.on(signal, onSignal);
    return () => {
      for (const signal of signals) process.off(signal, onSignal);
    };
  }

  /**
   * Lets go of everything at once: beats, watches, connections. What is still listed expires with its TTL; to leave
   * in good order, use {@link shutdown}.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const reason = new RegistryError('CLOSED', 'this registry handle is closed: create another');
    await Promise.all([this.#registrar.close(reason), this.#directory.close(reason)]);
    await this.#adapter.close();
  }

  #registerSelf(service: NonNullable<RollcallConfig['service']>, manual: Promise<void>): Registration {
    const { name, ready, interface: _interface, ...spec } = service;
    const host = this.#host(service);
    const whenReady = (signal: AbortSignal) =>
      ready === 'manual' ? manual : whenListening(host, spec.port, this.#clock, signal);
    return this.register({ ...spec, service: name, host }, { ready: whenReady });
  }

  /** The host to advertise, said in the log. */
  #host(wanted: { readonly host?: string | undefined; readonly interface?: string | undefined }): string {
    if (wanted.host !== undefined) return wanted.host;
    const { host, reason } = findAdvertiseHost({
      allowLoopback: LOCAL_TYPES.has(this.type),
      ...(wanted.interface !== undefined && { interface: wanted.interface }),
    });
    this.#events.emit({ type: 'advertise', host, reason });
    return host;
  }
}
