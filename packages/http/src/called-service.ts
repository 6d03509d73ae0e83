import { Balancer } from '@rollcall/balancer';
import { type Registry, type ServiceInstance, systemClock } from '@rollcall/core';
import { type IPolicy, bulkhead, circuitBreaker, handleAll, SamplingBreaker, wrap } from 'cockatiel';
import { buildConnector, Pool } from 'undici';
import { CallError } from './call-error.ts';
import type { HttpOptions } from './options.ts';
import { RetryBudget } from './retry-budget.ts';
import { Throttle } from './throttle.ts';

/** Those to one instance. */
export interface Connections {
  /** Such as `https://10.0.0.7:8443`. */
  readonly origin: string;
  readonly hostAndPort: string;
  /** Whether `https` was asked for. */
  readonly isSecure: boolean;
  readonly pool: Pool;
}

/** One service that is called: who of it may be called, the connections to each, and what its calls share. */
export class CalledService {
  readonly name: string;
  readonly budget: RetryBudget;
  readonly throttle: Throttle | undefined;
  /** Circuit breaker and limit, where there are any. */
  readonly policy: IPolicy | undefined;
  readonly balancer: Balancer;
  /** Whether some route goes by headers. */
  readonly readsHeaders: boolean;
  readonly #options: HttpOptions;
  readonly #view: ReturnType<Registry['service']>;
  readonly #unsubscribe: () => void;
  /** By origin. */
  readonly #connected = new Map<string, Connections>();
  /** The same, as they are found at each call. */
  readonly #known = new WeakMap<ServiceInstance, Connections>();
  readonly #closing = new Set<Promise<void>>();
  readonly #waiting = new Set<() => void>();
  #isListed = false;

  constructor(name: string, registry: Registry, options: HttpOptions) {
    const { balancer = {}, retry, throttle, namespace } = options;
    this.name = name;
    this.#options = options;
    const chosen = typeof balancer === 'function' ? balancer(name) : balancer;
    this.balancer = new Balancer(chosen);
    this.readsHeaders = chosen.routes?.some(({ headers }) => headers !== undefined) ?? false;
    this.budget = new RetryBudget((retry || undefined)?.budget ?? {}, systemClock);
    this.throttle = throttle && new Throttle(throttle, systemClock, Math.random);
    this.policy = policyOf(options);
    this.#view = registry.service(name, namespace);
    const { snapshot } = this.#view;
    if (snapshot) this.#update(snapshot.instances);
    this.#unsubscribe = this.#view.subscribe(({ instances }) => this.#update(instances));
  }

  /** Whether the registry has said who is there. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /** Resolves when there is a list. @throws {CallError} `NO_LIST` with the registry's error. */
  async listed(): Promise<void> {
    try {
      this.#update((await this.#view.load()).instances);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CallError('NO_LIST', this.name, `the registry has not said who is there: ${why}`, error);
    }
  }

  /** Calls back at the next change of the list. The function that it gives takes that back. */
  onChange(listener: () => void): () => void {
    this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  /** Why nobody may be called. */
  nobody(): CallError {
    const { report } = this.balancer;
    const counts = new Map<string, number>();
    for (const { instance } of report) counts.set(instance.status, (counts.get(instance.status) ?? 0) + 1);
    const listed = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
    const what = report.length === 0 ? 'nobody is listed' : `nobody may be called, of ${listed}`;
    return new CallError('NO_INSTANCE', this.name, what);
  }

  connectionsTo(instance: ServiceInstance, isSecure: boolean): Connections {
    const known = this.#known.get(instance);
    if (known && !known.pool.closed && known.isSecure === isSecure) return known;
    const hostAndPort = addressOf(instance);
    const origin = `${isSecure || instance.scheme === 'https' ? 'https' : 'http'}://${hostAndPort}`;
    const pool = this.#connected.get(origin)?.pool ?? new Pool(origin, this.#poolOptions(instance));
    const connections = { origin, hostAndPort, isSecure, pool };
    this.#connected.set(origin, connections);
    this.#known.set(instance, connections);
    return connections;
  }

  /** Ends when the calls under way have. */
  async close(): Promise<void> {
    this.#unsubscribe();
    for (const [origin, connected] of this.#connected) this.#release(origin, connected);
    await Promise.all(this.#closing);
  }

  /** Cuts what is under way. */
  async destroy(reason: Error): Promise<void> {
    this.#unsubscribe();
    const pools = [...this.#connected.values()];
    this.#connected.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy(reason)));
  }

  #update(instances: readonly ServiceInstance[]): void {
    this.#isListed = true;
    this.balancer.update(instances);
    const listed = new Set(instances.map(addressOf));
    for (const [origin, connected] of this.#connected)
      if (!listed.has(connected.hostAndPort)) this.#release(origin, connected);
    // One that finds nobody waits again.
    for (const listener of [...this.#waiting]) listener();
  }

  /** Its calls under way end as they would, then its connections are closed. */
  #release(origin: string, { pool }: Connections): void {
    this.#connected.delete(origin);
    const closing = pool.close().catch(() => {});
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }

  #poolOptions(instance: ServiceInstance): Pool.Options {
    const { connections = {}, tls = {}, idleTimeoutMs } = this.#options;
    const { perInstance, keepAliveMs, connectTimeoutMs = 2_000, http2 = false } = connections;
    const { ca, cert, key, serverName = this.name } = tls;
    const servername = typeof serverName === 'function' ? serverName(instance) : serverName;
    const connect = buildConnector({
      allowH2: http2,
      timeout: connectTimeoutMs,
      ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    });
    return {
      ...(perInstance !== undefined && { connections: perInstance }),
      ...(keepAliveMs !== undefined && { keepAliveTimeout: keepAliveMs }),
      ...(idleTimeoutMs !== undefined && { bodyTimeout: idleTimeoutMs }),
      // A call has a deadline of its own.
      headersTimeout: 0,
      allowH2: http2,
      // Without this, undici takes the name from the `host` header.
      connect: (options, callback) => connect({ ...options, servername }, callback),
    };
  }
}

function addressOf({ host, port }: ServiceInstance): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function policyOf({ breaker, limit }: HttpOptions): IPolicy | undefined {
  const policies: IPolicy[] = [];
  if (limit) policies.push(bulkhead(limit.concurrent, limit.waiting ?? 0));
  if (breaker) {
    const { threshold, windowMs = 10_000, minimumPerSecond = 5, openMs = 5_000 } = breaker;
    policies.push(
      circuitBreaker(handleAll, {
        halfOpenAfter: openMs,
        breaker: new SamplingBreaker({ threshold, duration: windowMs, minimumRps: minimumPerSecond }),
      }),
    );
  }
  return policies.length > 0 ? wrap(...policies) : undefined;
}
