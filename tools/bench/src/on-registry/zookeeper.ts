// The library has no types: these are the adapter's.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="../../../../packages/zookeeper/src/node-zookeeper-client.d.ts" />
import { once } from 'node:events';
import { encodeInstance, encodeSegment, type ServiceInstance } from '@rollcall/core';
import { zookeeperAdapter } from '@rollcall/zookeeper';
import { ACL, type Client, createClient, CreateMode, Exception } from 'node-zookeeper-client';
import { type MeasuredClient, type BenchedRegistry, TTL_MS } from './benched-registry.ts';

export const zookeeper: BenchedRegistry = {
  type: 'zookeeper',
  ports: [{ offset: 0, wire: 'zookeeper' }],
  adapter: (endpoint) => zookeeperAdapter({ hosts: [endpoint] }),
  bare: (endpoint) => BareZooKeeper.connect(endpoint),
  whole: {
    apartMs: 100,
    comesAndGoes: true,
    async decoder(endpoint, service) {
      const client = await BareZooKeeper.connect(endpoint);
      return async () => {
        await client.names(service);
      };
    },
  },
};

class BareZooKeeper implements MeasuredClient {
  readonly #client: Client;
  readonly #parents = new Map<string, Promise<void>>();

  static async connect(endpoint: string): Promise<BareZooKeeper> {
    const client = createClient(endpoint, { sessionTimeout: TTL_MS });
    client.connect();
    await once(client, 'connected', { signal: AbortSignal.timeout(10_000) });
    return new BareZooKeeper(client);
  }

  private constructor(client: Client) {
    this.#client = client;
  }

  async register(instance: ServiceInstance): Promise<void> {
    const parent = servicePath(instance.service);
    let made = this.#parents.get(parent);
    if (!made) this.#parents.set(parent, (made = this.#make(parent)));
    await made;
    const path = `${parent}/${encodeSegment(instance.id)}`;
    await this.#create(path, Buffer.from(encodeInstance(instance)), CreateMode.EPHEMERAL);
  }

  async list(service: string): Promise<readonly Entry[]> {
    const names = await this.names(service);
    return Promise.all(names.map((name) => this.#data(`${servicePath(service)}/${name}`)));
  }

  async follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void> {
    await Promise.all(services.map((service) => this.#follow(service, (list) => told(service, list))));
  }

  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined {
    return (entry as Entry).metadata;
  }

  /** The names of the nodes of a service. */
  names(service: string, changed?: () => void): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const done = (error: unknown, names: readonly string[]) =>
        error ? reject(asError(error)) : resolve(names);
      if (changed) this.#client.getChildren(servicePath(service), changed, done);
      else this.#client.getChildren(servicePath(service), done);
    });
  }

  async close(): Promise<void> {
    this.#client.close();
    await once(this.#client, 'disconnected');
  }

  async #follow(service: string, told: (list: readonly unknown[]) => void): Promise<void> {
    const entries = new Map<string, Entry>();
    const tell = () => told(Object.freeze([...entries.values()]));
    const readEntry = async (name: string): Promise<void> => {
      const changed = () => void again(name);
      entries.set(name, await this.#data(`${servicePath(service)}/${name}`, changed));
    };
    const again = async (name: string): Promise<void> => {
      await readEntry(name).catch((error: unknown) => ignoreMissing(error));
      tell();
    };
    const readAll = async (): Promise<void> => {
      const names = new Set(await this.names(service, () => void readAll()));
      for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
      await Promise.all(
        [...names]
          .filter((name) => !entries.has(name))
          .map((name) => readEntry(name).catch((error: unknown) => ignoreMissing(error))),
      );
      tell();
    };
    await readAll();
  }

  #data(path: string, changed?: () => void): Promise<Entry> {
    return new Promise((resolve, reject) => {
      const done = (error: unknown, data: Buffer | undefined) =>
        error ? reject(asError(error)) : resolve(JSON.parse(String(data)) as Entry);
      if (changed) this.#client.getData(path, changed, done);
      else this.#client.getData(path, done);
    });
  }

  /** A lasting node, and those above it. */
  async #make(path: string): Promise<void> {
    const parts = path.split('/').slice(1);
    for (const [i] of parts.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- each needs the one above it
      await this.#create(`/${parts.slice(0, i + 1).join('/')}`, Buffer.alloc(0), CreateMode.PERSISTENT).catch(
        (error: unknown) => {
          if (!(error instanceof Exception && error.code === Exception.NODE_EXISTS)) throw error;
        },
      );
    }
  }

  #create(path: string, data: Buffer, mode: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.create(path, data, ACL.OPEN_ACL_UNSAFE, mode, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
}

interface Entry {
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Where `@rollcall/zookeeper` has the instances of a service. */
function servicePath(service: string): string {
  return `/rollcall/default/${encodeSegment(service)}`;
}

/** It left between its name and its data. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof Exception && error.code === Exception.NO_NODE)) throw error;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
