import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
  type WatchEvent,
} from '@rollcall/core';
import type { RunningEtcd } from '@rollcall-tools/registries';
import { afterEach, onTestFinished } from 'vitest';
import { type EtcdOptions, etcdAdapter } from '../src/index.ts';

/** What every test here fails by, rather than hang. */
export const soon = (ms = 5_000): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

export const ttlMs = 10_000;

export const defaultKey = { namespace: 'default', service: 'user-service' };

/** An open adapter, closed after the test, and the warnings that it gave. */
export async function openAdapter(
  options: EtcdOptions,
): Promise<Required<RegistryAdapter> & { readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const adapter = etcdAdapter(options, { warn: (message) => warnings.push(message) });
  onTestFinished(() => adapter.close());
  await adapter.open(soon().signal);
  return Object.assign(adapter as Required<RegistryAdapter>, { warnings });
}

/** Deletes everything after each test, leases too. */
export function emptyAfterEach(etcd: () => RunningEtcd): void {
  afterEach(async () => {
    for (const id of await leasesOf(etcd())) await etcd().etcdctl(['lease', 'revoke', id]);
    await etcd().etcdctl(['del', '', '--from-key=true']);
  });
}

export function instance(id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ ...defaultKey, id, host: '10.0.0.7', port: 8080, ...more });
}

/** The instances of `defaultKey` as a watch tells them: what a reader of the watch would believe now. */
export class Follower {
  readonly events: WatchEvent[] = [];
  readonly known = new Map<string, ServiceInstance>();
  /** Settles when the watch ends; with the error that it ended by. */
  readonly ended: Promise<unknown>;
  readonly #stop = new AbortController();

  constructor(adapter: Required<RegistryAdapter>, key = defaultKey) {
    this.ended = this.#read(adapter.watch(key, { signal: this.#stop.signal })).catch(
      (error: unknown) => error,
    );
    onTestFinished(async () => {
      this.#stop.abort();
      await this.ended;
    });
  }

  stop(): void {
    this.#stop.abort();
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

export function portOf(endpoint: string): number {
  return Number(new URL(endpoint).port);
}

/** The ids of the leases that etcd holds, in hexadecimal as its command wants them. */
export async function leasesOf(etcd: RunningEtcd): Promise<string[]> {
  const [, ...ids] = (await etcd.etcdctl(['lease', 'list'])).trim().split('\n');
  return ids;
}
