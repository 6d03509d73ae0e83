import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
} from '@rollcall/core';
import { WatchFollower } from '@rollcall/core/testing';
import { onTestFinished } from 'vitest';
import { eurekaAdapter, type EurekaOptions } from '../src/index.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';
import { springLayout } from '../src/layouts/spring.ts';

export const LAYOUTS = { rollcall: rollcallLayout(), spring: springLayout(), kratos: kratosLayout() };

/** What every test here fails by, rather than hang. */
export const soon = (ms = 5_000): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) });

/** An open adapter, closed after the test. */
export async function openAdapter(options: EurekaOptions): Promise<Required<RegistryAdapter>> {
  const adapter = eurekaAdapter({ pollIntervalMs: 200, ...options }) as Required<RegistryAdapter>;
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

/** Follows the watch of a service until the test ends. */
export function follow(adapter: Required<RegistryAdapter>, service: string): WatchFollower {
  const follower = new WatchFollower((signal) => adapter.watch(keyOf(service), { signal }));
  onTestFinished(() => follower.stop());
  return follower;
}
