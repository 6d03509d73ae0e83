import {
  abortError,
  adapterFrom,
  type AdapterCapabilities,
  AdapterConnection,
  type AdapterContext,
  type CallOptions,
  type Clock,
  defineAdapter,
  type InstanceKey,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  type RegisterOptions,
  type RegistryAdapter,
  RegistryError,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
} from '@rollcall/core';
import { readTls } from '@rollcall/core/network';
import { EurekaServers } from './eureka-servers.ts';
import { kratosLayout } from './layouts/kratos.ts';
import type { Layout } from './layouts/layout.ts';
import { rollcallLayout } from './layouts/rollcall.ts';
import { springLayout } from './layouts/spring.ts';
import { type EurekaOptions, eurekaOptions, type ResolvedEurekaOptions } from './options.ts';
import { overrideEntry } from './override-entry.ts';
import { leaseTerms, putEntry, TTL_RANGE_MS } from './put-entry.ts';
import { PastCaches } from './past-caches.ts';
import { type PollFollower, RegistryPoll } from './registry-poll.ts';
import { ServiceView } from './service-view.ts';
import { settled } from './settled.ts';
import { Waiting } from './waiting.ts';

/** What `registry.type: eureka` selects. */
export const adapter = defineAdapter<ResolvedEurekaOptions>({
  type: 'eureka',
  options: eurekaOptions,
  create: (options, { clock }) => new EurekaAdapter(options, clock),
});

/**
 * The Eureka adapter, for use in code. Without options: `http://127.0.0.1:8761/eureka`, no authentication, Rollcall's layout.
 *
 * @param context what the core gives.
 * @throws {RegistryError} `INVALID_CONFIG` that names every option at fault.
 */
export function eurekaAdapter(
  options: EurekaOptions = {},
  context?: Partial<AdapterContext>,
): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

const LAYOUTS = {
  rollcall: rollcallLayout,
  spring: springLayout,
  kratos: kratosLayout,
} satisfies Record<ResolvedEurekaOptions['layout'], () => Layout>;

interface Connection {
  readonly servers: EurekaServers;
  readonly pastCaches: PastCaches;
  readonly poll: RegistryPoll;
}

class EurekaAdapter implements RegistryAdapter {
  readonly type = 'eureka';
  readonly capabilities: AdapterCapabilities;
  readonly #options: ResolvedEurekaOptions;
  readonly #layout: Layout;
  readonly #clock: Clock;
  readonly #connection = new AdapterConnection<Connection>({
    registry: 'Eureka',
    end: ({ poll, servers }, why) => {
      poll.stop(why);
      servers.close();
    },
  });

  constructor(options: ResolvedEurekaOptions, clock: Clock) {
    this.#options = options;
    this.#layout = LAYOUTS[options.layout]();
    this.#clock = clock;
    this.capabilities = capabilitiesOf(this.#layout, options);
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#connection.open(() => this.#connect(signal));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const doing = `register ${instance.service}/${instance.id} in Eureka`;
    const info = this.#layout.encode(instance);
    const { servers } = this.#use(signal, doing);
    const terms = leaseTerms(ttlMs);
    const dirtyAt = await putEntry({ signal, doing }, { servers, clock: this.#clock }, info, terms);
    return {
      ttlMs: terms.ttlMs,
      renew: async (options) => {
        const call = { ...options, doing: `renew the lease of ${instance.service}/${instance.id} in Eureka` };
        const current = this.#use(call.signal, call.doing);
        if (await current.servers.beat(call, info, dirtyAt)) return;
        throw new RegistryError('LEASE_LOST', `${call.doing}: it does not know it; register again`);
      },
    };
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${instance.service}/${instance.id} in Eureka`;
    const place = { app: this.#layout.app(instance), instanceId: this.#layout.instanceId(instance) };
    await this.#use(signal, doing).servers.remove({ signal, doing }, place);
  }

  async override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const doing = `override ${key.service}/${key.id} in Eureka`;
    const { servers } = this.#use(signal, doing);
    await overrideEntry({ signal, doing }, { servers, layout: this.#layout }, key, change);
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const doing = `discover ${key.service} in Eureka`;
    const call = { signal, doing };
    const { servers, poll, pastCaches } = this.#use(signal, doing);
    const app = this.#layout.app(key);
    const [list, changes] = await Promise.all([servers.application(call, app), poll.changes(call)]);
    const view = this.#view(key);
    view.begin(...(await settled(call, { servers, pastCaches }, { app, list, changes })));
    return view.all();
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const doing = `watch ${key.service} in Eureka`;
    const call = { signal, doing };
    const view = this.#view(key);
    const app = this.#layout.app(key);
    // By itself first: where no server answers, one request is in vain and not two.
    const list = await this.#use(signal, doing).servers.application(call, app);
    const { servers, poll, pastCaches } = this.#use(signal, doing);
    const leave = this.#follow(poll, view, signal, doing);
    try {
      /* oxlint-disable no-await-in-loop -- again only when the poll has found more in the meantime */
      for (let isSettled = false; !isSettled;) {
        const { latest } = poll;
        const changes = await poll.changes(call);
        const start = await settled(call, { servers, pastCaches }, { app, list, changes });
        isSettled = poll.latest === latest;
        if (isSettled) view.begin(...start);
      }
      /* oxlint-enable no-await-in-loop */
      for (;;) {
        view.throwIfEnded();
        const event = view.take();
        if (event) yield event;
        else await view.changed();
      }
    } finally {
      leave();
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const doing = 'list the services in Eureka';
    const { value } = await this.#use(signal, doing).servers.applications({ signal, doing });
    return this.#servicesOf(
      namespace,
      value.entries.map(({ app }) => app),
    );
  }

  async *watchServices(
    namespace: string,
    { signal }: CallOptions,
  ): AsyncGenerator<readonly string[], void, undefined> {
    const doing = 'watch the services in Eureka';
    const { poll } = this.#use(signal, doing);
    const view = new AllServices();
    const leave = this.#follow(poll, view, signal, doing);
    try {
      await poll.refresh({ signal, doing });
      let told: readonly string[] | undefined;
      for (;;) {
        view.throwIfEnded();
        const services = this.#servicesOf(namespace, poll.mirror?.apps ?? []);
        const isSame = told?.length === services.length && told.every((name, i) => name === services[i]);
        if (isSame) await view.changed();
        else yield (told = services);
      }
    } finally {
      leave();
    }
  }

  #view(key: ServiceKey): ServiceView {
    return new ServiceView({ key, layout: this.#layout, clock: this.#clock, staleMs: this.#staleMs });
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    const doing = 'connect to Eureka';
    if (signal.aborted) throw abortError(signal, doing);
    const { tls, ...options } = this.#options;
    const servers = new EurekaServers({ ...options, ...(tls && { tls: await readTls(tls, signal) }) });
    try {
      await servers.check({ signal, doing });
    } catch (error) {
      servers.close();
      throw error;
    }
    const intervalMs = options.pollIntervalMs;
    const pastCaches = new PastCaches({ clock: this.#clock, staleMs: this.#staleMs });
    const poll = new RegistryPoll({
      servers,
      pastCaches,
      clock: this.#clock,
      random: Math.random,
      intervalMs,
      staleMs: this.#staleMs,
    });
    return { servers, pastCaches, poll };
  }

  #use(signal: AbortSignal, doing: string): Connection {
    if (signal.aborted) throw abortError(signal, doing);
    return this.#connection.current;
  }

  /** How far apart in time two answers of one server may be that were asked for within a round. */
  get #staleMs(): number {
    return this.#options.responseCacheMs + 2 * this.#options.pollIntervalMs;
  }

  #follow(poll: RegistryPoll, view: PollFollower & Waiting, signal: AbortSignal, doing: string): () => void {
    const leave = poll.follow(view);
    const onAbort = () => view.end(abortError(signal, doing));
    signal.addEventListener('abort', onAbort, { once: true });
    return () => {
      signal.removeEventListener('abort', onAbort);
      leave();
    };
  }

  /** Each once, in order. */
  #servicesOf(namespace: string, apps: Iterable<string>): readonly string[] {
    const services = [...new Set(apps)].map((app) => this.#layout.serviceOf(app, namespace));
    return services.filter((service) => service !== undefined).toSorted();
  }
}

/** Follows all there is: the poll has it. */
class AllServices extends Waiting implements PollFollower {
  change(): void {
    this.wake();
  }

  replace(): void {
    this.wake();
  }
}

function capabilitiesOf(
  { fields, namespaces, anyName }: Layout,
  { responseCacheMs, pollIntervalMs, evictionIntervalMs }: ResolvedEurekaOptions,
): AdapterCapabilities {
  return {
    liveness: 'lease',
    crashSlackMs: evictionIntervalMs + 1_000,
    propagationMs: responseCacheMs + pollIntervalMs + 500,
    ttlRangeMs: TTL_RANGE_MS,
    fields,
    namespaces,
    anyName,
  };
}
