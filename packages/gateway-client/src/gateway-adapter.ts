import {
  abortError,
  adapterFrom,
  type AdapterCapabilities,
  AdapterConnection,
  type AdapterContext,
  type CallOptions,
  CARRIED_FIELDS,
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
import { readDelta, readList, readServices } from './answer.ts';
import { type GatewayCall, Gateways } from './gateways.ts';
import { pathOf, ProcessLeases } from './leases.ts';
import { type GatewayOptions, gatewayOptions, type ResolvedGatewayOptions } from './options.ts';
import { openTraceHeaders } from './trace-headers.ts';

/** What `registry.type: gateway` selects. */
export const adapter = defineAdapter<ResolvedGatewayOptions>({
  type: 'gateway',
  options: gatewayOptions,
  create: (options, context) => new GatewayAdapter(options, context),
});

/**
 * The adapter for Rollcall gateways, for use in code. Without options: the gateway at `http://127.0.0.1:7070`, no token.
 *
 * @param context what the core gives.
 * @throws {RegistryError} `INVALID_CONFIG` that names every option at fault.
 */
export function gatewayAdapter(
  options: GatewayOptions = {},
  context?: Partial<AdapterContext>,
): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

class GatewayAdapter implements RegistryAdapter {
  readonly type = 'gateway';
  readonly capabilities: AdapterCapabilities;
  readonly #options: ResolvedGatewayOptions;
  readonly #context: AdapterContext;
  readonly #connection = new AdapterConnection<{ gateways: Gateways; leases: ProcessLeases }>({
    registry: 'gateways',
    end: ({ gateways }) => gateways.close(),
  });

  constructor(options: ResolvedGatewayOptions, context: AdapterContext) {
    this.#options = options;
    this.#context = context;
    this.capabilities = {
      liveness: 'lease',
      // A gateway looks once more at who writes the entry, and then takes it off the registry behind it.
      crashSlackMs: 3_000,
      propagationMs: options.propagationMs,
      ttlRangeMs: { min: 1_000, max: 3_600_000 },
      fields: CARRIED_FIELDS,
      namespaces: true,
      anyName: true,
      keepsOverrides: true,
    };
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#connection.open(() => this.#connect(signal));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease> {
    return await this.#connection.current.leases.put(instance, options);
  }

  async deregister(instance: InstanceKey, options: CallOptions): Promise<void> {
    await this.#connection.current.leases.remove(instance, options);
  }

  async override(key: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const { gateways } = this.#connection.current;
    const call = { signal, doing: `change ${key.service}/${key.id} at the gateway` };
    const answer = await gateways.request(call, {
      method: 'PUT',
      path: [...pathOf(key), 'override'],
      body: change,
    });
    gateways.read(answer, call, parseJsonObject);
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const { gateways } = this.#connection.current;
    const call = { signal, doing: `discover ${key.service} at the gateway` };
    const answer = await gateways.request(call, { method: 'GET', path: [...serviceOf(key), 'instances'] });
    return gateways.read(answer, call, (text) => readList(text, key));
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const { gateways } = this.#connection.current;
    const call = { signal, doing: `watch ${key.service} at the gateway` };
    let isBegun = false;
    for await (const { event, ...told } of gateways.events(call, [...serviceOf(key), 'events'])) {
      const read = readerOf(event);
      if (!read) continue;
      const item = gateways.read({ ...told, text: told.data }, call, (text) => read(text, key));
      if (!isBegun && item.kind !== 'list') throw beginsWithout(call, 'a list');
      isBegun = true;
      yield item;
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const { gateways } = this.#connection.current;
    const call = { signal, doing: 'list the services at the gateway' };
    const path = ['namespaces', namespace, 'services'];
    const answer = await gateways.request(call, { method: 'GET', path });
    return gateways.read(answer, call, readServices);
  }

  async *watchServices(
    namespace: string,
    { signal }: CallOptions,
  ): AsyncGenerator<readonly string[], void, undefined> {
    const { gateways } = this.#connection.current;
    const call = { signal, doing: 'watch the services at the gateway' };
    for await (const { event, ...told } of gateways.events(call, ['namespaces', namespace, 'events']))
      if (event === 'services') yield gateways.read({ ...told, text: told.data }, call, readServices);
  }

  async #connect(signal: AbortSignal) {
    const call = { signal, doing: 'connect to the gateway' };
    if (signal.aborted) throw abortError(signal, call.doing);
    const { urls, tls } = this.#options;
    const gateways = new Gateways({
      urls,
      ...(tls && { tls: await readTls(tls, signal) }),
      token: tokenSource(this.#options),
      traceHeaders: await openTraceHeaders(),
      clock: this.#context.clock,
    });
    try {
      await greet(gateways, call, urls.length);
    } catch (error) {
      gateways.close();
      throw error;
    }
    return { gateways, leases: new ProcessLeases(gateways) };
  }
}

/** Says at once that nobody serves, that none is a gateway, or that the token is no good. */
async function greet(gateways: Gateways, call: GatewayCall, tries: number): Promise<void> {
  try {
    const answer = await gateways.request(call, { method: 'GET', path: ['me'] });
    gateways.read(answer, call, parseJsonObject);
  } catch (error) {
    const isStranger = error instanceof RegistryError && error.code === 'PROTOCOL';
    if (!isStranger || tries === 1) throw error;
    await greet(gateways, call, tries - 1);
  }
}

function serviceOf({ namespace, service }: ServiceKey): readonly string[] {
  return ['namespaces', namespace, 'services', service];
}

/** Events of other names are for later versions. */
function readerOf(event: string): ((text: string, key: ServiceKey) => WatchEvent) | undefined {
  if (event === 'list') return (text, key) => ({ kind: 'list', ...readList(text, key) });
  return event === 'delta' ? readDelta : undefined;
}

function beginsWithout({ doing }: GatewayCall, what: string): RegistryError {
  return new RegistryError('PROTOCOL', `${doing}: the stream begins without ${what}`);
}
