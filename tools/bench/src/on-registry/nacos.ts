import { encodeSegment, type ServiceInstance } from '@rollcall/core';
import { housedMetadata } from '@rollcall/core/dialects';
import { nacosAdapter } from '@rollcall/nacos';
import { NacosNamingClient } from 'nacos';
import type { MeasuredClient, BenchedRegistry } from './benched-registry.ts';
import { askHttp } from './ask-http.ts';

export const nacos: BenchedRegistry = {
  type: 'nacos',
  // All that one connection lists of a service goes in one request, again with each that is added.
  listedAtOnce: 5_000,
  ports: [
    { offset: 0, wire: 'http' },
    { offset: 1_000, wire: 'grpc' },
  ],
  adapter: (endpoint) => nacosAdapter({ servers: [endpoint] }),
  bare: (endpoint) => BareNacos.connect(endpoint),
  whole: {
    apartMs: 1_500,
    async decoder(endpoint, service) {
      const name = encodeURIComponent(encodeSegment(service));
      const text = await askHttp(
        `${endpoint}/nacos/v1/ns/instance/list?namespaceId=public&serviceName=${name}`,
      );
      return () => void JSON.parse(text);
    },
  },
};

class BareNacos implements MeasuredClient {
  readonly #client: NacosNamingClient;

  static async connect(endpoint: string): Promise<BareNacos> {
    const client = new NacosNamingClient({
      logger: SILENT,
      serverList: new URL(endpoint).host,
      namespace: 'public',
    });
    await client.ready();
    return new BareNacos(client);
  }

  private constructor(client: NacosNamingClient) {
    this.#client = client;
  }

  async register(instance: ServiceInstance): Promise<void> {
    const { service, id, host, port, weight } = instance;
    await this.#client.registerInstance(encodeSegment(service), {
      instanceId: id,
      ip: host,
      port,
      healthy: true,
      enabled: true,
      weight,
      ...{ metadata: housedMetadata(instance, ['scheme', 'version', 'zone', 'tags']) },
    });
  }

  list(service: string): Promise<readonly unknown[]> {
    return this.#client.getAllInstances(encodeSegment(service), 'DEFAULT_GROUP', '', false);
  }

  async follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void> {
    await Promise.all(
      services.map(
        (service) =>
          new Promise<void>((resolve) => {
            this.#client.subscribe(encodeSegment(service), (hosts) => {
              told(service, hosts);
              resolve();
            });
          }),
      ),
    );
  }

  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined {
    return (entry as Entry).metadata;
  }

  /** The library's beats end with the process. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Entry {
  readonly metadata?: Readonly<Record<string, string>>;
}

const nothing = (): void => {};
/** It takes a console for its log, and writes a list of every change into it. */
const SILENT = { ...console, debug: nothing, info: nothing, log: nothing, warn: nothing };
