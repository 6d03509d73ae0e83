import {
  adapterFrom,
  type AdapterCapabilities,
  AdapterConnection,
  type AdapterContext,
  type CallOptions,
  type Clock,
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
  RegistryError,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
  skippedEntry,
  type WatchEvent,
} from '@rollcall/core';
import { parseAddress } from '@rollcall/core/dialects';
import { ACL } from 'node-zookeeper-client';
import type { Connection } from './connection.ts';
import { kratosLayout } from './layouts/kratos.ts';
import type { Layout } from './layouts/layout.ts';
import { rollcallLayout } from './layouts/rollcall.ts';
import { dubboLayout, springLayout } from './layouts/curator.ts';
import {
  forEachName,
  listNodes,
  lookAt,
  type NodeCall,
  putEphemeral,
  readNode,
  readVersion,
  removeNode,
  replaceData,
} from './nodes.ts';
import { type ResolvedZooKeeperOptions, type ZooKeeperOptions, zookeeperOptions } from './options.ts';
import { Session, type SessionOptions } from './session.ts';
import { watchNodes } from './watch.ts';

/** What `registry.type: zookeeper` selects. */
export const adapter = defineAdapter<ResolvedZooKeeperOptions>({
  type: 'zookeeper',
  options: zookeeperOptions,
  create: (options, { clock }) => new ZooKeeperAdapter(options, clock),
});

/**
 * The ZooKeeper adapter, for use in code. Without options: `127.0.0.1:2181`, no authentication, Rollcall's layout.
 *
 * @param context what the core gives.
 * @throws {RegistryError} `INVALID_CONFIG` that names every option at fault.
 */
export function zookeeperAdapter(
  options: ZooKeeperOptions = {},
  context?: Partial<AdapterContext>,
): RegistryAdapter {
  return adapterFrom(adapter, options, context);
}

const LAYOUTS = {
  rollcall: rollcallLayout,
  spring: springLayout,
  dubbo: dubboLayout,
  kratos: kratosLayout,
} satisfies Record<ResolvedZooKeeperOptions['layout'], (chroot: string, clock: Clock) => Layout>;

/**
 * The timeout of a session before the first registration says another, in milliseconds: the core's default TTL, so
 * that most processes need one session only.
 */
const FIRST_TIMEOUT_MS = 15_000;

interface Sessions {
  /** For what comes. */
  session: Session;
  /** Those that watches still run on. */
  readonly retired: Set<Session>;
}

class ZooKeeperAdapter implements RegistryAdapter {
  readonly type = 'zookeeper';
  readonly capabilities: AdapterCapabilities;
  readonly #layout: Layout;
  readonly #sessionOptions: SessionOptions;
  readonly #acl: readonly ACL[];
  readonly #connection = new AdapterConnection<Sessions>({
    registry: 'ZooKeeper',
    end: ({ session, retired }, why) => {
      for (const each of [session, ...retired]) each.close(why);
    },
  });

  constructor(options: ResolvedZooKeeperOptions, clock: Clock) {
    const { hosts, layout, chroot, username, password, tls, worldReadable } = options;
    this.#layout = LAYOUTS[layout](chroot, clock);
    this.#sessionOptions = {
      hosts: hosts.map(parseAddress),
      ...(username !== undefined && { digest: `${username}:${password}` }),
      ...(tls && { tls }),
    };
    if (username === undefined) this.#acl = ACL.OPEN_ACL_UNSAFE;
    else this.#acl = [...ACL.CREATOR_ALL_ACL, ...(worldReadable ? ACL.READ_ACL_UNSAFE : [])];
    this.capabilities = capabilitiesOf(this.#layout);
  }

  open(signal: AbortSignal): Promise<void> {
    return this.#connection.open(async () => {
      const session = new Session(this.#sessionOptions, FIRST_TIMEOUT_MS);
      await session.connection('connect to ZooKeeper', signal);
      return { session, retired: new Set() };
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const path = this.#layout.path(instance);
    const doing = `register ${instance.service}/${instance.id} in ZooKeeper`;
    const session = this.#homeFor(ttlMs);
    const connection = await session.connection(doing, signal);
    const data = Buffer.from(this.#layout.encode(instance));
    await putEphemeral({ connection, doing, signal }, path, data, this.#acl);
    return session;
  }

  async deregister(instance: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${instance.service}/${instance.id} in ZooKeeper`;
    await this.#using(doing, signal, (call) => removeNode(call, this.#layout.path(instance)));
  }

  async override(instance: InstanceKey, change: InstanceOverride, { signal }: CallOptions): Promise<void> {
    const doing = `override ${instance.service}/${instance.id} in ZooKeeper`;
    const path = this.#layout.path(instance);
    await this.#using(doing, signal, async (call) => {
      for (let tries = OVERRIDE_TRIES; tries > 0; tries--) {
        const standing = await readVersion(call, path);
        if (!standing) throw notListed(instance);
        const changed = overridden(this.#listed(instance, standing.data), change);
        const text = this.#layout.revise?.(standing.data.toString(), changed) ?? this.#layout.encode(changed);
        if (await replaceData(call, path, Buffer.from(text), standing.version)) return;
      }
      throw contested(instance);
    });
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const doing = `discover ${key.service} in ZooKeeper`;
    const parent = this.#layout.servicePath(key);
    const nodes = await this.#using(doing, signal, async (call) => {
      const names = (await listNodes(call, parent, false)) ?? [];
      return forEachName(call, names, (each, name) => readNode(each, `${parent}/${name}`, false));
    });
    const { put, skipped } = this.#readAll(key, nodes);
    return { instances: put, skipped };
  }

  async *watch(key: ServiceKey, { signal }: CallOptions): AsyncGenerator<WatchEvent> {
    const doing = `watch ${key.service} in ZooKeeper`;
    const { connection, leave } = await this.#use(doing, signal);
    try {
      const parent = this.#layout.servicePath(key);
      let isFirst = true;
      for await (const changes of watchNodes({ connection, doing, signal }, parent, (call, name) =>
        readNode(call, `${parent}/${name}`, true),
      )) {
        const { put, unreadable, skipped } = this.#readAll(key, changes.put);
        if (isFirst) yield { kind: 'list', instances: put, skipped };
        else {
          const left = [...changes.removed].map((name) => this.#layout.idOf(name));
          const removed = [...left.filter((id) => id !== undefined), ...unreadable];
          if (put.length + removed.length + skipped.length > 0)
            yield { kind: 'delta', put, removed, skipped };
        }
        isFirst = false;
      }
    } finally {
      leave();
    }
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const doing = 'list the services in ZooKeeper';
    const parent = this.#layout.namespacePath(namespace);
    const stats = await this.#using(doing, signal, async (call) => {
      const names = (await listNodes(call, parent, false)) ?? [];
      return forEachName(call, names, (each, name) => lookAt(each, `${parent}/${name}`, false));
    });
    // The node of a service stays when its last instance leaves.
    return [...stats]
      .filter(([, stat]) => (stat?.numChildren ?? 0) > 0)
      .map(([name]) => this.#layout.serviceOf(name))
      .filter((service) => service !== undefined);
  }

  async *watchServices(namespace: string, { signal }: CallOptions): AsyncGenerator<readonly string[]> {
    const doing = 'watch the services in ZooKeeper';
    const { connection, leave } = await this.#use(doing, signal);
    try {
      const parent = this.#layout.namespacePath(namespace);
      const services = new Set<string>();
      let isFirst = true;
      // Each one is watched for being empty.
      for await (const { put, removed } of watchNodes({ connection, doing, signal }, parent, (call, name) =>
        listNodes(call, `${parent}/${name}`, true),
      )) {
        let isChanged = false;
        for (const [name, entries] of put) {
          const service = this.#layout.serviceOf(name);
          if (service === undefined || entries.length > 0 === services.has(service)) continue;
          if (!services.delete(service)) services.add(service);
          isChanged = true;
        }
        for (const name of removed)
          isChanged = services.delete(this.#layout.serviceOf(name) ?? '') || isChanged;
        if (isFirst || isChanged) yield [...services];
        isFirst = false;
      }
    } finally {
      leave();
    }
  }

  /** The session for reads, after one that expired a new one. */
  #current(): Session {
    const sessions = this.#connection.current;
    if (sessions.session.lost.aborted)
      sessions.session = new Session(this.#sessionOptions, sessions.session.requestedMs);
    return sessions.session;
  }

  /**
   * The session for entries. ZooKeeper has one timeout for each session, so the first registration begins one with its
   * TTL, if the session has another; watches that run stay where they are. Later registrations get what there is.
   */
  #homeFor(ttlMs: number): Session {
    const current = this.#current();
    if (current.isHome || current.requestedMs === ttlMs) {
      current.isHome = true;
      return current;
    }
    const home = new Session(this.#sessionOptions, ttlMs);
    home.isHome = true;
    const sessions = this.#connection.current;
    sessions.session = home;
    sessions.retired.add(current);
    current.retire();
    return home;
  }

  /** A connection, which stays until `leave` also when another session takes the place of its own. */
  async #use(doing: string, signal: AbortSignal): Promise<{ connection: Connection; leave: () => void }> {
    const attempt = async () => {
      const session = this.#current();
      const leave = session.use();
      try {
        return { connection: await session.connection(doing, signal), leave };
      } catch (error) {
        leave();
        throw error;
      }
    };
    try {
      return await attempt();
    } catch (error) {
      // The session had expired, which is nothing to somebody who reads.
      if (error instanceof RegistryError && error.code === 'LEASE_LOST') return await attempt();
      throw error;
    }
  }

  async #using<T>(doing: string, signal: AbortSignal, run: (call: NodeCall) => Promise<T>): Promise<T> {
    const { connection, leave } = await this.#use(doing, signal);
    try {
      return await run({ connection, doing, signal });
    } finally {
      leave();
    }
  }

  /** What a node says. @throws {RegistryError} `INVALID_ARGUMENT` for one that no reader lists. */
  #listed(key: InstanceKey, data: Buffer): ServiceInstance {
    try {
      return this.#layout.decode(data.toString(), key);
    } catch (error) {
      throw notListed(key, error);
    }
  }

  #readAll(key: ServiceKey, nodes: ReadonlyMap<string, Buffer | undefined>) {
    const put: ServiceInstance[] = [];
    const skipped: SkippedEntry[] = [];
    /** The ids of those whose data can't be read. */
    const unreadable: string[] = [];
    for (const [name, data] of nodes) {
      if (data === undefined) continue;
      const at = `${this.#layout.servicePath(key)}/${name}`;
      const id = this.#layout.idOf(name);
      if (id === undefined) {
        skipped.push({ key: at, reason: 'its name is not one that this layout writes' });
        continue;
      }
      try {
        put.push(this.#layout.decode(data.toString(), { ...key, id }));
      } catch (error) {
        unreadable.push(id);
        skipped.push(skippedEntry(at, error));
      }
    }
    return { put, skipped, unreadable };
  }
}

function capabilitiesOf({ fields, namespaces, anyName }: Layout): AdapterCapabilities {
  return {
    liveness: 'session',
    // Servers look for expired sessions once a tick, 2 s by default, and round timeouts up to whole ticks.
    crashSlackMs: 3_000,
    propagationMs: 500,
    // 2 and 20 ticks, by default. A server that is set to others grants what it likes, and the lease says what.
    ttlRangeMs: { min: 4_000, max: 40_000 },
    fields,
    namespaces,
    anyName,
  };
}
