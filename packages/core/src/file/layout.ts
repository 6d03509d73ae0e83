import { randomInt } from 'node:crypto';
import { join, resolve } from 'node:path';
import { checkName, decodeSegment, encodeSegment } from '../names.ts';
import type { ServiceKey } from '../instance.ts';

/**
 * Where things stand in the folder:
 *
 * ```
 * {dir}/{namespace}/{service}/{id}@{lease}.json   one instance, as `encodeInstance` writes it
 * {dir}/{namespace}/{service}/{id}@{lease}.over   the same as an operator changed it; counts while that one isn't newer
 * {dir}/.leases/{lease}                           one process: {"ttlMs":10000,"pid":4711}; its mtime is the last beat
 * {dir}/.tmp/                                     files that are being written; nobody lists them
 * ```
 *
 * The lease stands in the entry's name, so that to remove the entry of a dead lease can never remove what a live
 * one put under the same id: a file system has no compare-and-delete, and this needs none.
 *
 * Names are written by `encodeSegment`: none starts with a dot, none holds `@`, and none is longer than 240 bytes,
 * so that with `@`, a lease and `.json` it just fits the 255 that common file systems take.
 */
export class Layout {
  readonly root: string;
  readonly leases: string;
  readonly temporary: string;

  constructor(dir: string) {
    this.root = resolve(dir);
    this.leases = join(this.root, '.leases');
    this.temporary = join(this.root, '.tmp');
  }

  namespaceFolder(namespace: string): string {
    return join(this.root, encodeSegment(checkName('namespace', namespace)));
  }

  serviceFolder(key: ServiceKey): string {
    return join(this.namespaceFolder(key.namespace), encodeSegment(checkName('service', key.service)));
  }

  lease(lease: string): string {
    return join(this.leases, lease);
  }
}

const LEASE_CHARACTERS = 9;
const LEASE = new RegExp(`^[0-9a-z]{${LEASE_CHARACTERS}}$`, 'u');
const ENTRY = new RegExp(`^(?<id>[^@]+)@(?<lease>[0-9a-z]{${LEASE_CHARACTERS}})\\.(?<kind>json|over)$`, 'u');

/** A lease id: 9 characters of base 36, some 46 bits, all that is left of a file name. */
export function newLeaseId(): string {
  return Array.from({ length: LEASE_CHARACTERS }, () => randomInt(36).toString(36)).join('');
}

export function isLeaseId(name: string): boolean {
  return LEASE.test(name);
}

export function entryName(id: string, lease: string): string {
  return `${encodeSegment(checkName('id', id))}@${lease}.json`;
}

/** The name of what an operator put over the entry of that name. It is as long as that one. */
export function overrideName(entry: string): string {
  return entry.replace(/json$/u, 'over');
}

/** The inverse of {@link entryName} and {@link overrideName}; `undefined` for a name that neither wrote. */
export function parseEntryName(name: string): ParsedName | undefined {
  const groups = ENTRY.exec(name)?.groups;
  const id = decodeSegment(groups?.['id'] ?? '');
  const lease = groups?.['lease'];
  if (id === undefined || id === '' || lease === undefined) return undefined;
  return { id, lease, isOverride: groups?.['kind'] === 'over' };
}

interface ParsedName {
  readonly id: string;
  readonly lease: string;
  readonly isOverride: boolean;
}
