import { consulAdapter } from '@rollcall/consul';
import { encodeInstance, type ServiceInstance } from '@rollcall/core';
import Consul from 'consul';
import { eachOf } from '../each-of.ts';
import { type BenchedRegistry, type MeasuredClient, TTL_MS } from './benched-registry.ts';
import { askHttp } from './ask-http.ts';
import { beating } from './beating.ts';

export const consul: BenchedRegistry = {
  type: 'consul',
  ports: [{ offset: 0, wire: 'http' }],
  adapter: (endpoint) => consulAdapter({ addresses: [endpoint] }),
  bare: (endpoint) => Promise.resolve(new BareConsul(endpoint)),
  async fill(endpoint, instances) {
    await eachOf(Math.ceil(instances.length / PER_NODE), 4, async (i) => {
      const some = instances.slice(i * PER_NODE, (i + 1) * PER_NODE);
      const body = JSON.stringify(nodeOf(some));
      await askHttp(`${endpoint}/v1/txn`, { method: 'PUT', body });
    });
  },
  whole: {
    // After an answer of this size the adapter waits for up to a second before it asks for the next.
    apartMs: 1_500,
    async decoder(endpoint, service) {
      const text = await askHttp(`${endpoint}/v1/health/service/${service}`);
      return () => void JSON.parse(text);
    },
  },
};

/** A transaction takes 64 operations: the node is one, an entry on it is two. Consul is slow with thousands on one node. */
const PER_NODE = 31;

/**
 * The operations that write a node which has no agent, and entries on it as `@rollcall/consul` writes them, with ids of letters,
 * digits and `-`.
 */
function nodeOf(instances: readonly ServiceInstance[]): readonly object[] {
  const name = `node-of-${instances[0]?.id}`;
  const node = { Node: { Verb: 'set', Node: { Node: name, Address: '10.255.255.254' } } };
  const entries = instances.flatMap((instance) => {
    const { service, host, port, tags, metadata, scheme, version, zone } = instance;
    const id = `${service}~~${instance.id}`;
    const entry = {
      ID: id,
      Service: service,
      Address: host,
      Port: port,
      Tags: tags,
      Meta: { scheme, version, zone, ...metadata },
    };
    const check = {
      Node: name,
      CheckID: `rollcall:${id}`,
      Name: 'Rollcall',
      Type: 'ttl',
      Notes: encodeInstance(instance),
      Status: 'passing',
      ServiceID: id,
    };
    return [
      { Service: { Verb: 'set', Node: name, Service: entry } },
      { Check: { Verb: 'set', Check: check } },
    ];
  });
  return [node, ...entries];
}

class BareConsul implements MeasuredClient {
  readonly #client: Consul;
  readonly #beats: (() => void)[] = [];
  readonly #watches: { end(): void }[] = [];

  constructor(endpoint: string) {
    const { hostname, port } = new URL(endpoint);
    this.#client = new Consul({ host: hostname, port: Number(port) });
  }

  async register({ service, id, host, port, tags, metadata }: ServiceInstance): Promise<void> {
    await this.#client.agent.service.register({
      name: service,
      id,
      address: host,
      port,
      ...(tags && { tags: [...tags] }),
      ...(metadata && { meta: { ...metadata } }),
      // The library's types want a timeout, which such a check has no use for.
      check: { name: 'alive', ttl: `${TTL_MS / 1_000}s`, status: 'passing', timeout: '10s' },
    });
    this.#beats.push(beating(() => this.#client.agent.check.pass(`service:${id}`)));
  }

  list(service: string): Promise<readonly unknown[]> {
    return this.#client.health.service(service);
  }

  async follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void> {
    await Promise.all(
      services.map(
        (service) =>
          new Promise<void>((resolve, reject) => {
            const { health } = this.#client;
            const watch = this.#client.watch({ method: health.service.bind(health), options: { service } });
            this.#watches.push(watch);
            watch.on('error', reject);
            watch.on('change', (list: readonly unknown[]) => {
              told(service, list);
              resolve();
            });
          }),
      ),
    );
  }

  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined {
    return (entry as Entry).Service.Meta;
  }

  close(): Promise<void> {
    for (const end of this.#beats) end();
    for (const watch of this.#watches) watch.end();
    return Promise.resolve();
  }
}

interface Entry {
  readonly Service: { readonly Meta?: Readonly<Record<string, string>> };
}
