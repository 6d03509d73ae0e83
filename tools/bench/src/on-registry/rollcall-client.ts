import type { Registry, RegistryAdapter, RollcallConfigInput, ServiceInstance } from '@rollcall/core';
import { measuredRegistry } from '../measured-registry.ts';
import type { MeasuredClient } from './benched-registry.ts';

/** Rollcall as a process uses it. */
export class RollcallClient implements MeasuredClient {
  readonly #registry: Registry;
  readonly #makeAdapter: () => RegistryAdapter;
  #reading: Promise<RegistryAdapter> | undefined;

  static async create(
    makeAdapter: () => RegistryAdapter,
    config: RollcallConfigInput = {},
  ): Promise<RollcallClient> {
    return new RollcallClient(await measuredRegistry(makeAdapter(), config), makeAdapter);
  }

  private constructor(registry: Registry, makeAdapter: () => RegistryAdapter) {
    this.#registry = registry;
    this.#makeAdapter = makeAdapter;
  }

  async register(instance: ServiceInstance): Promise<void> {
    await this.#registry.register(instance).listed({ timeoutMs: WAIT_MS });
  }

  /** By the adapter alone: the core keeps lists, and doesn't read one twice. */
  async list(service: string): Promise<readonly ServiceInstance[]> {
    this.#reading ??= this.#open();
    const adapter = await this.#reading;
    const signal = AbortSignal.timeout(WAIT_MS);
    return (await adapter.discover({ namespace: 'default', service }, { signal })).instances;
  }

  async follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void> {
    await Promise.all(
      services.map(async (service) => {
        const view = this.#registry.service(service);
        view.subscribe(({ instances }) => told(service, instances));
        await view.load({ timeoutMs: WAIT_MS });
      }),
    );
  }

  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined {
    return (entry as ServiceInstance).metadata;
  }

  async close(): Promise<void> {
    await this.#registry.close();
    await (await this.#reading)?.close();
  }

  async #open(): Promise<RegistryAdapter> {
    const adapter = this.#makeAdapter();
    await adapter.open(AbortSignal.timeout(WAIT_MS));
    return adapter;
  }
}

const WAIT_MS = 60_000;
