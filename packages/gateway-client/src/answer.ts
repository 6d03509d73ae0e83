import {
  type InstanceKey,
  type InstanceList,
  instanceFromJson,
  RegistryError,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
  skippedEntry,
  type WatchEvent,
} from '@rollcall/core';
import { isObject, parseJsonObject } from '@rollcall/core/dialects';

/** A list of instances, and what of it can't be read. @throws {RegistryError} `PROTOCOL` when it is no list. */
export function readList(text: string, key: ServiceKey): InstanceList {
  const raw = parseJsonObject(text);
  const { instances, skipped } = readInstances(arrayOf(raw, 'instances'), key);
  return { instances, skipped: [...readSkipped(raw), ...skipped], ...revisionOf(raw) };
}

/** What changed. @throws {RegistryError} `PROTOCOL` when it isn't that. */
export function readDelta(text: string, key: ServiceKey): Extract<WatchEvent, { kind: 'delta' }> {
  const raw = parseJsonObject(text);
  const { instances: put, skipped, unread } = readInstances(arrayOf(raw, 'put'), key);
  const there = new Set(put.map(({ id }) => id));
  const removed = arrayOf(raw, 'removed').filter((id) => typeof id === 'string');
  return {
    kind: 'delta',
    put,
    // Who became unreadable is gone.
    removed: [...new Set([...removed, ...unread])].filter((id) => !there.has(id)),
    skipped: [...readSkipped(raw), ...skipped],
    ...revisionOf(raw),
  };
}

/** The names of services. @throws {RegistryError} `PROTOCOL` when it isn't that. */
export function readServices(text: string): readonly string[] {
  const services = arrayOf(parseJsonObject(text), 'services');
  if (services.every((name) => typeof name === 'string')) return services;
  throw new RegistryError('PROTOCOL', 'has a service without a name');
}

export interface GrantedLease {
  readonly id: string;
  readonly ttlMs: number;
}

/** What was granted. @throws {RegistryError} `PROTOCOL` when it isn't that. */
export function readLease(text: string): GrantedLease {
  const { id, ttlMs } = parseJsonObject(text);
  // It goes into a header.
  if (typeof id !== 'string' || !/^[\u0021-\u007e]{1,256}$/u.test(id))
    throw new RegistryError('PROTOCOL', 'has no lease');
  if (typeof ttlMs !== 'number' || !(ttlMs > 0) || !Number.isFinite(ttlMs))
    throw new RegistryError('PROTOCOL', 'has no TTL');
  return { id, ttlMs };
}

function readInstances(
  entries: readonly unknown[],
  key: ServiceKey,
): { instances: ServiceInstance[]; skipped: SkippedEntry[]; unread: string[] } {
  const instances: ServiceInstance[] = [];
  const skipped: SkippedEntry[] = [];
  const unread: string[] = [];
  for (const [place, entry] of entries.entries()) {
    const id = isObject(entry) && typeof entry['id'] === 'string' ? entry['id'] : undefined;
    try {
      if (id === undefined) throw new RegistryError('PROTOCOL', 'has no id');
      instances.push(readInstance(entry as object, { ...key, id }));
    } catch (error) {
      skipped.push(skippedEntry(`${key.service}/${id ?? `#${place}`}`, error));
      if (id !== undefined) unread.push(id);
    }
  }
  return { instances, skipped, unread };
}

/** Where it says of which service it is, it must be of this one. */
function readInstance(entry: { namespace?: unknown; service?: unknown }, key: InstanceKey): ServiceInstance {
  for (const field of ['namespace', 'service'] as const)
    if (entry[field] !== undefined && entry[field] !== key[field])
      throw new RegistryError('PROTOCOL', `is of another ${field}`);
  return instanceFromJson(entry, key);
}

function readSkipped(raw: Readonly<Record<string, unknown>>): SkippedEntry[] {
  if (raw['skipped'] === undefined) return [];
  return arrayOf(raw, 'skipped').flatMap((entry) => {
    if (!isObject(entry)) return [];
    const { key, reason } = entry;
    return typeof key === 'string' && typeof reason === 'string' ? [{ key, reason }] : [];
  });
}

function revisionOf({ revision }: Readonly<Record<string, unknown>>): { revision?: string } {
  return typeof revision === 'string' ? { revision } : {};
}

function arrayOf(raw: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const value = raw[name];
  if (Array.isArray(value)) return value;
  throw new RegistryError('PROTOCOL', `has no ${name}`);
}
