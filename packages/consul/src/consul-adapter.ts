import {
  adapterFrom,
  type AdapterCapabilities,
  AdapterConnection,
  type AdapterContext,
  type CallOptions,
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
import { parseJsonObject } from '@rollcall/core/dialects';
import { readTls, tokenSource } from '@rollcall/core/network';
import { Agent } from './agent.ts';
import { Agents } from './agents.ts';
import { kratosLayout } from './layouts/kratos.ts';
import type { Layout } from './layouts/layout.ts';
import { rollcallLayout } from './layouts/rollcall.ts';
import { springLayout } from './layouts/spring.ts';
import { overrideEntry } from './override-entry.ts';
import { type ConsulOptions, consulOptions, type ResolvedConsulOptions } from './options.ts';
import { type Question, readChanges, readOnce } from './reading.ts';
import { Registrations, TTL_RANGE_MS } from './registrations.ts';
import { ServiceView } from './service-view.ts';

/** What `registry.type: consul` selects. */
export const adapter = defineAdapter<ResolvedConsulOptions>({
  type: 'consul',
  options: consulOptions,
  create: (options, context) => new ConsulAdapter(options, context),
});

/**
 * The Consul adapter, for use in code. Without options: the agent at `http://127.0.0.1:8500`, no token, Rollcall's layout,
 * TTL checks.
 *
 * @param context what the core gives.
 * @throws {RegistryError} `INVALID_CONFIG` that names every option at fault.
 */
export function consulAdapter(
  options: ConsulOptions = {},
  context?: Partial<AdapterContext>,
): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

const LAYOUTS = {
  rollcall: rollcallLayout,
  spring: springLayout,
  kratos: kratosLayout,
} satisfies Record<ResolvedConsulOptions['layout'], Layout>;

class ConsulAdapter implements RegistryAdapter {
  readonly type = 'consul';
  readonly capabilities: AdapterCapabilities;
  readonly #options: ResolvedConsulOptions;
  readonly #context: AdapterContext;
  readonly #layout: Layout;
  readonly #connection = new AdapterConnection<{ agents: Agents; registrations: Registrations }>({
    registry: 'Consul',
    end: ({ agents }, why) => agents.close(why),
  });

  constructor(options: ResolvedConsulOptions, context: AdapterContext) {
    this.#options = options;
    this.#context = context;
    this.#layout = LAYOUTS[options.layout];
    this.capabilities = capabilitiesOf(options, this.#layout);
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#connection.open(() => this.#connect(signal));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease> {
    return await this.#connection.current.registrations.register(instance, options);
  }

  async deregister(instance: InstanceKey, options: CallOptions): Promise<void> {
    await this.#connection.current.registrations.deregister(instance, options);
  }

  async override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const { agents } = this.#connection.current;
    const doing = `override ${key.service}/${key.id} in Consul`;
    const { answer } = await readOnce(agents, this.#entriesOf(key, doing, signal));
    const target = { key, layout: this.#layout, text: answer.text };
    await overrideEntry(agents, target, change, { doing, signal });
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const { agents } = this.#connection.current;
    const { answer } = await readOnce(
      agents,
      this.#entriesOf(key, `discover ${key.service} in Consul`, signal),
    );
    const { instances, skipped } = new ServiceView(key, this.#layout).read(answer.text);
    return { instances, skipped, revision: String(answer.headers['x-consul-index']) };
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent> {
    const { agents } = this.#connection.current;
    const view = new ServiceView(key, this.#layout);
    const question: Question = {
      ...this.#entriesOf(key, `watch ${key.service} in Consul`, signal),
      lacks: (text) => view.lacks(text),
    };
    for await (const answered of readChanges(agents, question, this.#context.clock)) {
      const event = view.follow(answered);
      if (event) yield event;
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const { agents } = this.#connection.current;
    const { answer } = await readOnce(agents, this.#names('list the services in Consul', signal));
    return this.#servicesIn(answer.text, namespace);
  }

  async *watchServices(namespace: string, { signal }: CallOptions): AsyncGenerator<readonly string[]> {
    const { agents } = this.#connection.current;
    const question = this.#names('watch the services in Consul', signal);
    let told: string | undefined;
    for await (const { text } of readChanges(agents, question, this.#context.clock)) {
      const services = this.#servicesIn(text, namespace);
      const names = JSON.stringify(services.toSorted());
      if (names !== told) yield services;
      told = names;
    }
  }

  async #connect(signal: AbortSignal) {
    const { addresses, tls: tlsOptions, consulNamespace, partition, check } = this.#options;
    const tls = tlsOptions && (await readTls(tlsOptions, signal));
    const { clock } = this.#context;
    const agents = new Agents(
      addresses.map((address) => new Agent({ address, tls, clock })),
      tokenSource(this.#options),
      {
        ...(consulNamespace !== undefined && { ns: consulNamespace }),
        ...(partition !== undefined && { partition }),
      },
    );
    try {
      await this.#greet(agents, signal);
    } catch (error) {
      agents.close(new RegistryError('UNAVAILABLE', 'no connection to Consul was made'));
      throw error;
    }
    return { agents, registrations: new Registrations(agents, this.#layout, check) };
  }

  /** Finds out at once that nobody serves, or that the token is no good. */
  async #greet(agents: Agents, signal: AbortSignal): Promise<void> {
    const doing = 'connect to Consul';
    const { agent, answer, token } = await agents.ask({
      method: 'GET',
      path: '/status/leader',
      signal,
      doing,
    });
    if (!/"[^"]+"/u.test(answer.text))
      throw new RegistryError('UNAVAILABLE', `${doing}: Consul at ${agent.address} has no leader`);
    if (token === undefined) return;
    try {
      await agents.on(agent, { method: 'GET', path: '/acl/token/self', signal, doing });
    } catch (error) {
      if (!(error instanceof RegistryError && /ACL support disabled/iu.test(error.message))) throw error;
      this.#context.warn('a token is given, but access lists are off in Consul: everybody may write');
    }
  }

  #entriesOf(key: ServiceKey, doing: string, signal: AbortSignal): Question {
    const name = this.#layout.serviceName(key);
    return {
      ...this.#from(),
      path: '/health/service/{name}',
      params: { name },
      service: name,
      doing,
      signal,
    };
  }

  #names(doing: string, signal: AbortSignal): Question {
    return { ...this.#from(), path: '/catalog/services', doing, signal };
  }

  #from(): Pick<Question, 'query'> {
    const { datacenter } = this.#options;
    return datacenter === undefined ? {} : { query: { dc: datacenter } };
  }

  #servicesIn(text: string, namespace: string): string[] {
    return Object.keys(parseJsonObject(text))
      .map((name) => this.#layout.serviceOf(name, namespace))
      .filter((service) => service !== undefined);
  }
}

/** An agent looks this often for entries that were critical for long enough to be removed, in milliseconds. */
const REAP_EVERY_MS = 30_000;

/**
 * How long an agent may keep to itself that a check failed, in milliseconds. It compares all that it has with the servers every
 * minute or two. When just then a registration is under way it tries again 15 to 30 s later, and tells nothing by itself until then
 * (https://github.com/hashicorp/consul/blob/2361fdb7589629f4fbd54f6331b279e66cca7704/agent/ae/ae.go#L179). Any registration
 * or beat at that agent makes it tell all; alone is who crashed without neighbours. Just after a server came up it waits up to 3 s more.
 */
const TELL_LATE_MS = 30_000 + 3_000;

function capabilitiesOf({ check }: ResolvedConsulOptions, layout: Layout): AdapterCapabilities {
  const { fields, namespaces, anyName } = layout;
  const isLease = check.type === 'ttl';
  // A probe that fails makes an instance DOWN; it is removed when it has failed for long.
  const removalMs = check.intervalMs + check.timeoutMs + check.removeAfterMs + REAP_EVERY_MS;
  return {
    liveness: isLease ? 'lease' : 'probe',
    crashSlackMs: TELL_LATE_MS + (isLease ? 1_000 : removalMs),
    propagationMs: 1_000,
    ttlRangeMs: TTL_RANGE_MS,
    fields,
    namespaces,
    anyName,
  };
}
