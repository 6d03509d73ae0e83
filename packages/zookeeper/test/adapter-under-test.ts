import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
  type WatchEvent,
} from '@rollcall/core';
import { onTestFinished } from 'vitest';
import { type ZooKeeperOptions, zookeeperAdapter } from '../src/index.ts';

/** What every test here fails by, rather than hang. */
export const soon = (ms = 5_000): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

/** An open adapter, closed after the test. */
export async function openAdapter(options: ZooKeeperOptions): Promise<Required<RegistryAdapter>> {
  const adapter = zookeeperAdapter(options) as Required<RegistryAdapter>;
  onTestFinished(() => adapter.close());
  await adapter.open(soon().signal);
  return adapter;
}

export function instance(service: string, id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ service, id, host: '10.0.0.7', port: 8080, ...more });
}

export function keyOf(service: string): { namespace: string; service: string } {
  return { namespace: 'default', service };
}

/** What a reader of a watch would believe now. */
export class Follower {
  readonly events: WatchEvent[] = [];
  readonly known = new Map<string, ServiceInstance>();
  /** Settles when the watch ends; with the error that it ended by. */
  readonly ended: Promise<unknown>;
  readonly #stop = new AbortController();

  constructor(adapter: Required<RegistryAdapter>, service: string) {
    this.ended = this.#read(adapter.watch(keyOf(service), { signal: this.#stop.signal })).catch(
      (error: unknown) => error,
    );
    onTestFinished(async () => {
      this.#stop.abort();
      await this.ended;
    });
  }

  async #read(events: AsyncIterable<WatchEvent>): Promise<void> {
    for await (const event of events) {
      this.events.push(event);
      if (event.kind === 'list') this.known.clear();
      for (const each of event.kind === 'list' ? event.instances : event.put) this.known.set(each.id, each);
      if (event.kind === 'delta') for (const id of event.removed) this.known.delete(id);
    }
  }
}
