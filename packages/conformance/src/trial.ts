import { randomUUID } from 'node:crypto';
import { DEFAULT_NAMESPACE, defineInstance } from '@rollcall/core';
import type { InstanceSpec, ServiceInstance, ServiceKey } from '@rollcall/core';
import { Client } from './client.ts';
import type { Setting } from './setting.ts';

/** One run of one test: its clients, and names that no other run uses. */
export class Trial {
  readonly setting: Setting;
  /** Unique, and nothing but letters and digits. */
  readonly mark = `kit${randomUUID().slice(0, 8)}`;
  readonly #clients: Client[] = [];
  readonly #ports = new Map<string, number>();
  #names = 0;

  constructor(setting: Setting) {
    this.setting = setting;
  }

  /** A new client, open. It is closed when the trial ends. */
  async client(): Promise<Client> {
    const client = await this.closedClient();
    await client.open();
    return client;
  }

  /** A new client that isn't open. */
  async closedClient(): Promise<Client> {
    const client = new Client(await this.setting.harness.createAdapter(), this.setting);
    this.#clients.push(client);
    return client;
  }

  /** A service that nobody else uses. */
  service(name = 'service', namespace = DEFAULT_NAMESPACE): ServiceKey {
    return { namespace, service: `${this.mark}-${this.#names++}-${name}` };
  }

  /** A namespace that nobody else uses. */
  namespace(): string {
    return `${this.mark}-${this.#names++}`;
  }

  /**
   * An instance with an address of its own, the same each time for the same id: some registries take host and port
   * for the identity.
   */
  instance(key: ServiceKey, id: string, spec: Partial<InstanceSpec> = {}): ServiceInstance {
    const name = JSON.stringify([key.namespace, key.service, id]);
    const port = this.#ports.get(name) ?? 20_000 + this.#ports.size;
    this.#ports.set(name, port);
    return defineInstance({ ...key, id, host: '127.0.0.1', port, ...spec });
  }

  /**
   * The `n`th state of an instance: every carried field that can tells `n`, so that a reader of half an update is
   * found out. {@link numberOf} reads it back.
   */
  numbered(key: ServiceKey, id: string, n: number): ServiceInstance {
    const carries = (field: 'weight' | 'metadata' | 'version' | 'status') =>
      this.setting.capabilities.fields.includes(field);
    return this.instance(key, id, {
      ...(carries('weight') && { weight: n }),
      ...(carries('metadata') && { metadata: { n: String(n) } }),
      ...(carries('version') && { version: `1.0.${n}` }),
      ...(carries('status') && { status: n % 2 === 0 ? 'UP' : 'OUT_OF_SERVICE' }),
    });
  }

  numberOf(instance: ServiceInstance): number {
    const { fields } = this.setting.capabilities;
    if (fields.includes('metadata')) return Number(instance.metadata?.['n']);
    if (fields.includes('weight')) return instance.weight;
    return Number(instance.version?.split('.').at(-1));
  }

  /** Takes back what the clients listed, and closes them. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client.leave()));
  }
}
