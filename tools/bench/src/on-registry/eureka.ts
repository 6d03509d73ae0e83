import type { ServiceInstance } from '@rollcall/core';
import { housedMetadata } from '@rollcall/core/dialects';
import { eurekaAdapter } from '@rollcall/eureka';
import { eachOf } from '../each-of.ts';
import { type BenchedRegistry, type MeasuredClient, TTL_MS } from './benched-registry.ts';
import { askHttp } from './ask-http.ts';
import { beating } from './beating.ts';

/** For how long the server tells a change, in milliseconds. Its default of three minutes would fill every answer. */
const RETENTION_MS = 15_000;

export const eureka: BenchedRegistry = {
  type: 'eureka',
  flags: [
    `eureka.server.retention-time-in-m-s-in-delta-queue=${RETENTION_MS}`,
    'eureka.server.delta-retention-timer-interval-in-ms=1000',
  ],
  ports: [{ offset: 0, wire: 'http' }],
  adapter: (endpoint) => eurekaAdapter({ servers: [endpoint], ...SERVER }),
  bare: (endpoint) => Promise.resolve(new BareEureka(endpoint)),
  async fill(endpoint, instances) {
    const client = new BareEureka(endpoint);
    await eachOf(instances.length, 32, async (i) => {
      const instance = instances[i];
      if (instance) await client.put(instance, DAY_MS);
    });
  },
  whole: {
    apartMs: 2_000,
    settleMs: RETENTION_MS + 3_000,
    adapter: (endpoint) => eurekaAdapter({ servers: [endpoint], ...SERVER, pollIntervalMs: 500 }),
    async decoder(endpoint, service) {
      const text = await askHttp(`${endpoint}/apps/${appOf(service)}`, JSON_WANTED);
      return () => void JSON.parse(text);
    },
  },
};

/** What the server that is started here has set, and the adapter must know. */
const SERVER = { responseCacheMs: 500, evictionIntervalMs: 1_000 };

const DAY_MS = 86_400_000;

/** As often as Rollcall asks by default, in milliseconds. */
const POLL_MS = 3_000;

class BareEureka implements MeasuredClient {
  readonly #base: string;
  readonly #beats: (() => void)[] = [];
  readonly #polls: NodeJS.Timeout[] = [];

  constructor(endpoint: string) {
    this.#base = `${endpoint}/apps`;
  }

  async register(instance: ServiceInstance): Promise<void> {
    await this.put(instance, TTL_MS);
    const { app, instanceId } = placeOf(instance);
    this.#beats.push(beating(() => this.#send('PUT', `${app}/${encodeURIComponent(instanceId)}`)));
  }

  /** Lists an instance, which needs no beat for so long. */
  async put(instance: ServiceInstance, ttlMs: number): Promise<void> {
    const { service, host, port, zone } = instance;
    const place = placeOf(instance);
    const entry = {
      ...place,
      hostName: host,
      ipAddr: host,
      vipAddress: service,
      status: 'UP',
      port: { $: port, '@enabled': 'true' },
      dataCenterInfo: {
        '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
        name: 'MyOwn',
      },
      leaseInfo: { renewalIntervalInSecs: ttlMs / 3_000, durationInSecs: ttlMs / 1_000 },
      metadata: { ...housedMetadata(instance, ['scheme', 'version', 'weight', 'tags']), zone },
    };
    await this.#send('POST', place.app, JSON.stringify({ instance: entry }));
  }

  async list(service: string): Promise<readonly unknown[]> {
    const text = await askHttp(`${this.#base}/${appOf(service)}`, JSON_WANTED);
    return instancesOf((JSON.parse(text) as { readonly application: Application }).application);
  }

  async follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void> {
    const round = async (): Promise<void> => {
      for (const [service, list] of await this.#lists(services)) told(service, list);
    };
    await round();
    this.#polls.push(setInterval(() => void round(), POLL_MS));
  }

  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined {
    return (entry as Instance).metadata;
  }

  close(): Promise<void> {
    for (const end of this.#beats) end();
    for (const timer of this.#polls) clearInterval(timer);
    return Promise.resolve();
  }

  /** One request, however many services. */
  async #lists(services: readonly string[]): Promise<Map<string, readonly unknown[]>> {
    const [only] = services;
    if (services.length === 1 && only !== undefined) return new Map([[only, await this.list(only)]]);
    const { applications } = JSON.parse(await askHttp(this.#base, JSON_WANTED)) as {
      readonly applications: { readonly application: readonly Application[] };
    };
    const byApp = new Map(applications.application.map((application) => [application.name, application]));
    return new Map(
      services.map((service) => {
        const application = byApp.get(appOf(service));
        return [service, application ? instancesOf(application) : []];
      }),
    );
  }

  async #send(method: string, path: string, body?: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    await askHttp(`${this.#base}/${path}`, { method, headers, ...(body !== undefined && { body }) });
  }
}

interface Application {
  readonly name: string;
  /** A server may write a list of one as that one. */
  readonly instance: Instance | readonly Instance[];
}

interface Instance {
  readonly metadata?: Readonly<Record<string, string>>;
}

const JSON_WANTED = { headers: { accept: 'application/json' } };

function instancesOf({ instance }: Application): readonly unknown[] {
  return Array.isArray(instance) ? (instance as readonly unknown[]) : [instance];
}

/** Where `@rollcall/eureka` has an instance whose id is of letters, digits and `-`. */
function placeOf({ service, id }: ServiceInstance): { readonly app: string; readonly instanceId: string } {
  const app = appOf(service);
  return { app, instanceId: `${app}:${id}` };
}

/** What `@rollcall/eureka` calls a service whose name is of small letters, digits and `-`. */
function appOf(service: string): string {
  return `ROLLCALL.DEFAULT.${service.toUpperCase()}`;
}
