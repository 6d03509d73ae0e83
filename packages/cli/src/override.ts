import { setTimeout as pause } from 'node:timers/promises';
import {
  RegistryError,
  type InstanceOverride,
  type RegistryAdapter,
  type RollcallConfig,
  type ServiceInstance,
} from '@rollcall/core';
import type { Connection } from './connection.ts';
import type { Progress } from './progress.ts';
import { readEach } from './read-each.ts';

/** Between two looks whether the list has it, in milliseconds. */
const PAUSE_MS = 100;

/** What became of a change. */
export interface Overridden {
  /** As the registry lists them now. */
  readonly changed: readonly ServiceInstance[];
  /** Those that no list showed changed, as they were: their process wrote them again, or they left. */
  readonly unseen: readonly ServiceInstance[];
  /** When the registry had taken the last one, on the monotonic clock, in milliseconds. */
  readonly writtenAt: number;
}

/**
 * Makes sure that the registry can do this, before anything is written.
 *
 * @throws {RegistryError} `UNSUPPORTED`
 */
export function checkCanOverride(adapter: RegistryAdapter, change: InstanceOverride): void {
  const { type, capabilities } = adapter;
  const isCarried = (['status', 'weight'] as const).every(
    (field) => change[field] === undefined || capabilities.fields.includes(field),
  );
  if (adapter.override && isCarried) return;
  const what = isCarried ? 'change an instance of another process' : `hold a ${Object.keys(change).join()}`;
  const message = `${type}, as it is configured, can't ${what}: let that process do it, with its registration's update()`;
  throw new RegistryError('UNSUPPORTED', message);
}

/** Changes instances in place, a few at once, and looks until the list shows it. */
export async function overrideInstances(
  connection: Connection,
  instances: readonly ServiceInstance[],
  change: InstanceOverride,
  progress: Progress,
): Promise<Overridden> {
  const { adapter } = connection;
  let done = 0;
  await readEach(instances, async (instance) => {
    await connection.call(`change ${instance.service}/${instance.id}`, async (signal) =>
      adapter.override?.(instance, change, { signal }),
    );
    progress.show(`${++done} of ${instances.length} written`);
  });
  const writtenAt = performance.now();
  progress.clear();
  const changed = new Map<string, ServiceInstance>();
  const end = writtenAt + adapter.capabilities.propagationMs + 1_000;
  const [service] = instances.map((one) => one.service);
  while (service !== undefined) {
    const listed = new Map((await connection.discover(service)).instances.map((one) => [one.id, one]));
    for (const { id } of instances) {
      const now = listed.get(id);
      if (now && isAs(now, change)) changed.set(id, now);
      else changed.delete(id);
    }
    if (changed.size === instances.length || performance.now() > end) break;
    await pause(PAUSE_MS);
  }
  return {
    changed: [...changed.values()],
    unseen: instances.filter(({ id }) => !changed.has(id)),
    writtenAt,
  };
}

/** Whether an instance says what the change wants. */
export function isAs(instance: ServiceInstance, { status, weight }: InstanceOverride): boolean {
  return (
    (status === undefined || instance.status === status) &&
    (weight === undefined || instance.weight === weight)
  );
}

/**
 * After so long every caller could have seen a change, in milliseconds: what the registry takes to tell, how long callers that poll
 * wait between two looks, and what the configuration gives callers when an instance leaves.
 */
export function callersSeeItWithinMs({ capabilities }: RegistryAdapter, config: RollcallConfig): number {
  const { discovery, shutdown } = config;
  const pollMs = discovery.mode === 'poll' ? discovery.pollIntervalMs : 0;
  return Math.max(capabilities.propagationMs + pollMs, shutdown.propagationDelayMs ?? 0);
}

/** Waits until `ms` have passed since `since`, and shows how long it still takes. */
export async function waitForCallers(since: number, ms: number, progress: Progress): Promise<void> {
  for (;;) {
    const left = since + ms - performance.now();
    if (left <= 0) break;
    progress.show(`${(left / 1_000).toFixed(1)} s until every caller could have seen it`);
    await pause(Math.min(left, PAUSE_MS));
  }
  progress.clear();
}
