import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
} from '@rollcall/core';
import { WatchFollower } from '@rollcall/core/testing';
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

/** Follows the watch of a service until the test ends. */
export function follow(adapter: Required<RegistryAdapter>, key = defaultKey): WatchFollower {
  const follower = new WatchFollower((signal) => adapter.watch(key, { signal }));
  onTestFinished(() => follower.stop());
  return follower;
}

export function portOf(endpoint: string): number {
  return Number(new URL(endpoint).port);
}

/** The ids of the leases that etcd holds, in hexadecimal as its command wants them. */
export async function leasesOf(etcd: RunningEtcd): Promise<string[]> {
  const [, ...ids] = (await etcd.etcdctl(['lease', 'list'])).trim().split('\n');
  return ids;
}
