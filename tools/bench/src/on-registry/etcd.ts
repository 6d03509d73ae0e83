import type { ServiceInstance } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { Etcd3, type Lease } from 'etcd3';
import { etcdEntry, servicePrefix } from '../etcd-keys.ts';
import { type MeasuredClient, type BenchedRegistry, TTL_MS } from './benched-registry.ts';

export const etcd: BenchedRegistry = {
  type: 'etcd',
  ports: [{ offset: 0, wire: 'grpc' }],
  adapter: (endpoint) => etcdAdapter({ endpoints: [endpoint] }),
  bare: (endpoint) => Promise.resolve(new BareEtcd(endpoint)),
};

class BareEtcd implements MeasuredClient {
  readonly #client: Etcd3;
  #lease: Lease | undefined;

  constructor(endpoint: string) {
    this.#client = new Etcd3({ hosts: endpoint });
  }

  async register(instance: ServiceInstance): Promise<void> {
    this.#lease ??= this.#client.lease(TTL_MS / 1_000);
    const { key, value } = etcdEntry(instance);
    await this.#lease.put(key).value(value);
  }

  async list(service: string): Promise<readonly Entry[]> {
    const { entries } = await this.#read(service);
    return [...entries.values()];
  }

  async follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void> {
    await Promise.all(
      services.map(async (service) => {
        const { entries, revision } = await this.#read(service);
        told(service, Object.freeze([...entries.values()]));
        const watcher = await this.#client
          .watch()
          .prefix(servicePrefix(service))
          .startRevision(String(BigInt(revision) + 1n))
          .create();
        watcher.on('data', ({ events }) => {
          for (const { type, kv } of events) {
            if (type === 'Put') entries.set(kv.key.toString(), JSON.parse(kv.value.toString()) as Entry);
            else entries.delete(kv.key.toString());
          }
          told(service, Object.freeze([...entries.values()]));
        });
      }),
    );
  }

  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined {
    return (entry as Entry).metadata;
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  async #read(service: string): Promise<{ readonly entries: Map<string, Entry>; readonly revision: string }> {
    const { header, kvs } = await this.#client.getAll().prefix(servicePrefix(service)).exec();
    const entries = new Map(
      kvs.map(({ key, value }) => [key.toString(), JSON.parse(value.toString()) as Entry]),
    );
    return { entries, revision: header.revision };
  }
}

interface Entry {
  readonly metadata?: Readonly<Record<string, string>>;
}
