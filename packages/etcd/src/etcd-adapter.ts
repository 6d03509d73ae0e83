import {
  adapterFrom,
  type AdapterCapabilities,
  AdapterConnection,
  type AdapterContext,
  type CallOptions,
  contested,
  defineAdapter,
  type InstanceKey,
  type InstanceList,
  type InstanceOverride,
  type Lease,
  notListed,
  OVERRIDE_TRIES,
  overridden,
  type RegisterOptions,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
  skippedEntry,
  type WatchEvent,
} from '@rollcall/core';
import type { IKeyValue } from 'etcd3';
import { EtcdClient } from './client.ts';
import { goZeroLayout } from './layouts/go-zero.ts';
import { grpcNamingLayout } from './layouts/grpc-naming.ts';
import { kitexLayout } from './layouts/kitex.ts';
import { kratosLayout } from './layouts/kratos.ts';
import type { Layout } from './layouts/layout.ts';
import { rollcallLayout } from './layouts/rollcall.ts';
import { ProcessLeases } from './lease.ts';
import { type EtcdOptions, etcdOptions, type ResolvedEtcdOptions } from './options.ts';
import { readRange } from './range.ts';
import { readKey, replaceValue } from './standing-key.ts';
import { type Changes, watchRange } from './watch.ts';

/** What `registry.type: etcd` selects. */
export const adapter = defineAdapter<ResolvedEtcdOptions>({
  type: 'etcd',
  options: etcdOptions,
  create: (options, context) => new EtcdAdapter(options, context),
});

/**
 * The etcd adapter, for use in code. Without options: `http://127.0.0.1:2379`, no authentication, Rollcall's layout.
 *
 * @param context what the core gives; without it, warnings go to `process.emitWarning`.
 * @throws {RegistryError} `INVALID_CONFIG` that names every option at fault.
 */
export function etcdAdapter(options: EtcdOptions = {}, context?: Partial<AdapterContext>): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

const LAYOUTS = {
  rollcall: rollcallLayout,
  kratos: kratosLayout,
  'grpc-naming': grpcNamingLayout,
  'go-zero': goZeroLayout,
  kitex: kitexLayout,
} satisfies Record<ResolvedEtcdOptions['layout'], (prefix: string) => Layout>;

class EtcdAdapter implements RegistryAdapter {
  readonly type = 'etcd';
  readonly capabilities: AdapterCapabilities;
  readonly #options: ResolvedEtcdOptions;
  readonly #layout: Layout;
  readonly #warn: (message: string) => void;
  readonly #connection = new AdapterConnection<{ client: EtcdClient; leases: ProcessLeases }>({
    registry: 'etcd',
    end: ({ client }, why) => client.close(why),
  });

  constructor(options: ResolvedEtcdOptions, context: AdapterContext) {
    this.#options = options;
    this.#layout = LAYOUTS[options.layout](options.prefix);
    this.#warn = context.warn;
    this.capabilities = capabilitiesOf(this.#layout);
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#connection.open(async () => {
      const client = await EtcdClient.connect(this.#options, this.#warn, signal);
      return { client, leases: new ProcessLeases(client) };
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async register(instance: ServiceInstance, options: RegisterOptions): Promise<Lease> {
    const key = this.#layout.key(instance);
    const doing = `register ${instance.service}/${instance.id} in etcd`;
    return await this.#connection.current.leases.put(key, this.#layout.encode(instance), doing, options);
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${instance.service}/${instance.id} in etcd`;
    await this.#connection.current.leases.delete(this.#layout.key(instance), doing, signal);
  }

  async override(instance: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const doing = `override ${instance.service}/${instance.id} in etcd`;
    const { client } = this.#connection.current;
    const key = this.#layout.key(instance);
    for (let tries = OVERRIDE_TRIES; tries > 0; tries--) {
      const standing = await readKey(client, key, doing, signal);
      if (!standing) throw notListed(instance);
      const value = this.#layout.encode(overridden(this.#listed(instance, standing), change));
      if (await replaceValue(client, standing, value, doing, signal)) return;
    }
    throw contested(instance);
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    return await this.#list(key, `discover ${key.service} in etcd`, signal);
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent> {
    const doing = `watch ${key.service} in etcd`;
    const list = await this.#list(key, doing, signal);
    yield { kind: 'list', ...list };
    const prefix = this.#layout.servicePrefix(key);
    for await (const changes of watchRange(this.#connection.current.client, prefix, {
      after: list.revision,
      doing,
      signal,
    })) {
      const delta = this.#delta(key, changes);
      if (delta.put.length + delta.removed.length + delta.skipped.length > 0) yield delta;
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const { keys } = await this.#serviceKeys(namespace, 'list the services in etcd', signal);
    return [...keys.keys()];
  }

  async *watchServices(namespace: string, { signal }: CallOptions): AsyncGenerator<readonly string[]> {
    const doing = 'watch the services in etcd';
    const { keys, revision } = await this.#serviceKeys(namespace, doing, signal);
    yield [...keys.keys()];
    const prefix = this.#layout.namespacePrefix(namespace);
    for await (const { events } of watchRange(this.#connection.current.client, prefix, {
      after: revision,
      doing,
      signal,
    })) {
      let isChanged = false;
      for (const { type, kv } of events) {
        const change = type === 'Put' ? addKey : removeKey;
        isChanged = change(keys, this.#serviceOf(prefix, kv.key), kv.key.toString()) || isChanged;
      }
      if (isChanged) yield [...keys.keys()];
    }
  }

  async #list(key: ServiceKey, doing: string, signal: AbortSignal) {
    const prefix = this.#layout.servicePrefix(key);
    const { entries, revision } = await readRange(this.#connection.current.client, prefix, {
      keysOnly: false,
      doing,
      signal,
    });
    const instances: ServiceInstance[] = [];
    const skipped: SkippedEntry[] = [];
    for (const entry of entries) {
      const read = this.#read(key, prefix, entry);
      if (read.instance) instances.push(read.instance);
      if (read.skipped) skipped.push(read.skipped);
    }
    return { instances, skipped, revision };
  }

  /** What an entry says. @throws {RegistryError} `INVALID_ARGUMENT` for one that no reader lists. */
  #listed(key: InstanceKey, { value }: IKeyValue): ServiceInstance {
    try {
      return this.#layout.decode(value.toString(), key);
    } catch (error) {
      throw notListed(key, error);
    }
  }

  /** Of several writes to one key only the last counts, so an id is never both put and removed. */
  #delta(key: ServiceKey, { events, revision }: Changes): Extract<WatchEvent, { kind: 'delta' }> {
    const prefix = this.#layout.servicePrefix(key);
    const last = new Map(events.map((event) => [event.kv.key.toString(), event]));
    const put: ServiceInstance[] = [];
    const removed: string[] = [];
    const skipped: SkippedEntry[] = [];
    for (const { type, kv } of last.values()) {
      const read: Reading = type === 'Put' ? this.#read(key, prefix, kv) : this.#idOf(prefix, kv);
      if (read.instance) put.push(read.instance);
      // Also when it was overwritten by what can't be read: the instance that stood there is gone.
      else if (read.id !== undefined) removed.push(read.id);
      if (read.skipped && type === 'Put') skipped.push(read.skipped);
    }
    return { kind: 'delta', put, removed, skipped, revision };
  }

  #read(key: ServiceKey, prefix: string, entry: IKeyValue): Reading {
    const { id, skipped } = this.#idOf(prefix, entry);
    if (id === undefined) return { ...(skipped && { skipped }) };
    try {
      return { id, instance: this.#layout.decode(entry.value.toString(), { ...key, id }) };
    } catch (error) {
      return { id, skipped: skippedEntry(entry.key.toString(), error) };
    }
  }

  #idOf(prefix: string, entry: IKeyValue): Pick<Reading, 'id' | 'skipped'> {
    try {
      const id = this.#layout.idOf(entry.key.toString().slice(prefix.length));
      return id === undefined ? {} : { id };
    } catch (error) {
      return { skipped: skippedEntry(entry.key.toString(), error) };
    }
  }

  /** The services of a namespace, each with its keys. */
  async #serviceKeys(namespace: string, doing: string, signal: AbortSignal) {
    const prefix = this.#layout.namespacePrefix(namespace);
    const { entries, revision } = await readRange(this.#connection.current.client, prefix, {
      keysOnly: true,
      doing,
      signal,
    });
    const keys = new Map<string, Set<string>>();
    for (const { key } of entries) addKey(keys, this.#serviceOf(prefix, key), key.toString());
    return { keys, revision };
  }

  #serviceOf(prefix: string, key: Buffer): string | undefined {
    return this.#layout.serviceOf(key.toString().slice(prefix.length));
  }
}

/** What a key and its value say. Nothing at all for another service's. */
interface Reading {
  readonly id?: string;
  readonly instance?: ServiceInstance;
  readonly skipped?: SkippedEntry;
}

/** Whether the service is new by it. */
function addKey(keys: Map<string, Set<string>>, service: string | undefined, key: string): boolean {
  if (service === undefined) return false;
  const known = keys.get(service);
  if (known) known.add(key);
  else keys.set(service, new Set([key]));
  return !known;
}

/** Whether it was the service's last. */
function removeKey(keys: Map<string, Set<string>>, service: string | undefined, key: string): boolean {
  const known = service === undefined ? undefined : keys.get(service);
  return (
    service !== undefined &&
    known !== undefined &&
    known.delete(key) &&
    known.size === 0 &&
    keys.delete(service)
  );
}

function capabilitiesOf({ fields, namespaces, anyName }: Layout): AdapterCapabilities {
  return {
    liveness: 'lease',
    // The TTL is rounded up to a whole second, and etcd looks for expired leases every half second
    // (https://github.com/etcd-io/etcd/blob/main/server/lease/lessor.go). A new leader gives each lease its full TTL again.
    crashSlackMs: 2_000,
    propagationMs: 500,
    // etcd's least is 1.5 election timeouts, 2 s by default; its most is 9 000 000 000 s.
    ttlRangeMs: { min: 2_000, max: 9e12 },
    fields,
    namespaces,
    anyName,
  };
}
