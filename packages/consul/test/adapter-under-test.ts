import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
} from '@rollcall/core';
import { WatchFollower } from '@rollcall/core/testing';
import { onTestFinished } from 'vitest';
import { type ConsulOptions, consulAdapter } from '../src/index.ts';

/** What every test here fails by, rather than hang. */
export const soon = (ms = 5_000): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

type Opened = Required<RegistryAdapter> & { readonly warnings: readonly string[] };

/** An open adapter, closed after the test, and the warnings that it gave. */
export async function openAdapter(options: ConsulOptions): Promise<Opened> {
  const warnings: string[] = [];
  const adapter = consulAdapter(options, { warn: (message) => warnings.push(message) });
  onTestFinished(() => adapter.close());
  await adapter.open(soon().signal);
  return Object.assign(adapter as Required<RegistryAdapter>, { warnings });
}

export function instance(service: string, id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ service, id, host: '10.0.0.7', port: 8080, ...more });
}

export function keyOf(service: string): { namespace: string; service: string } {
  return { namespace: 'default', service };
}

/** Follows the watch of a service until the test ends. */
export function follow(adapter: Required<RegistryAdapter>, service: string): WatchFollower {
  const follower = new WatchFollower((signal) => adapter.watch(keyOf(service), { signal }));
  onTestFinished(() => follower.stop());
  return follower;
}
