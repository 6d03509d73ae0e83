import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  defineInstance,
  type InstanceSpec,
  type RegistryAdapter,
  type ServiceInstance,
} from '../../src/index.ts';
import { fileAdapter } from '../../src/file/index.ts';
import { systemClock, type Clock } from '../../src/clock.ts';

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rollcall-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An open adapter that is closed when the test ends. */
export async function openAdapter(dir: string, clock: Clock = systemClock): Promise<RegistryAdapter> {
  const adapter = fileAdapter({ dir }, { clock, warn: () => undefined });
  onTestFinished(() => adapter.close());
  await adapter.open(never);
  return adapter;
}

/** A signal that doesn't abort. */
export const never: AbortSignal = new AbortController().signal;

export const call = { signal: never };

export const users = { namespace: 'default', service: 'user-service' };

export function user(id: string, more: Partial<InstanceSpec> = {}): ServiceInstance {
  return defineInstance({ service: 'user-service', id, host: '10.0.0.7', port: 8080, ...more });
}

export async function ids(adapter: RegistryAdapter, key = users): Promise<string[]> {
  const { instances } = await adapter.discover(key, call);
  return instances.map(({ id }) => id).toSorted();
}

export function leaseFiles(dir: string): string[] {
  return readdirSync(join(dir, '.leases'));
}

export function entryFiles(dir: string, service = 'user-service'): string[] {
  return readdirSync(join(dir, 'default', service)).toSorted();
}
