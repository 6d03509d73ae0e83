import {
  contested,
  type InstanceKey,
  type InstanceOverride,
  notListed,
  OVERRIDE_TRIES,
  overridden,
  type ServiceInstance,
} from '@rollcall/core';
import { isObject } from '@rollcall/core/dialects';
import { numberOf } from './answer.ts';
import { type EurekaCall, type EurekaServers, type LeaseTerms, standingOf } from './eureka-servers.ts';
import { CLASS, type InstanceInfo, MEANT_STATUS, metadataOf } from './layouts/instance-info.ts';
import type { Layout } from './layouts/layout.ts';
import { putSettled } from './put-entry.ts';

/**
 * Registers an instance that is another's once more, changed, on the terms of its lease, whose beats go on as before.
 *
 * Eureka's own way (`PUT …/status`) is not taken: it knows no weight, no registration of the owner's takes it off, and it outlives
 * the instance. One that stands there gives way to a status.
 *
 * The version is the next after the one that was read. Eureka ignores a registration that is older than what stands there, so one
 * that the owner has sent meanwhile, with the time for a version, holds.
 */
export async function overrideEntry(
  call: EurekaCall,
  { servers, layout }: { readonly servers: EurekaServers; readonly layout: Layout },
  key: InstanceKey,
  change: InstanceOverride,
): Promise<void> {
  const place = { app: layout.app(key), instanceId: layout.instanceId(key) };
  /* oxlint-disable no-await-in-loop -- again only where the owner came between */
  for (let tries = OVERRIDE_TRIES; tries > 0; tries--) {
    const raw = await servers.instance(call, place);
    if (!raw) throw notListed(key);
    const standing = read(layout, raw, key);
    const info = revised(raw, layout.encode(standing), layout.encode(overridden(standing, change)));
    const before = standingOf(raw);
    const hasGivenWay = change.status !== undefined && before.override !== undefined;
    if (hasGivenWay) await servers.removeOverride(call, place, info.status);
    const dirtyAt = await putSettled(
      call,
      servers,
      hasGivenWay ? { ...before, status: info.status, override: undefined } : before,
      { ...info, ...place },
      leaseOf(raw),
      before.dirtyAt + 1,
    );
    const after = await servers.standing(call, place);
    if (after?.dirtyAt === dirtyAt) return;
  }
  /* oxlint-enable no-await-in-loop */
  throw contested(key);
}

function read(layout: Layout, raw: unknown, key: InstanceKey): ServiceInstance {
  try {
    return layout.decode(raw, key);
  } catch (error) {
    throw notListed(key, error);
  }
}

/** What stands there, with what is written otherwise of the changed instance than of the one before: all else is the owner's. */
function revised(
  raw: Readonly<Record<string, unknown>>,
  before: InstanceInfo,
  changed: InstanceInfo,
): InstanceInfo {
  const metadata = new Map(
    Object.entries(metadataOf(raw)).filter(([name]) => name !== MEANT_STATUS && name !== CLASS),
  );
  for (const name of new Set([...Object.keys(before.metadata), ...Object.keys(changed.metadata)])) {
    const text = Object.hasOwn(changed.metadata, name) ? changed.metadata[name] : undefined;
    if (text === undefined) metadata.delete(name);
    else if (text !== before.metadata[name]) metadata.set(name, text);
  }
  const owned = Object.fromEntries(Object.entries(raw).filter(([name]) => !ITS_OWN.has(name)));
  return {
    ...owned,
    status: changed.status,
    metadata: Object.fromEntries(metadata),
  } as unknown as InstanceInfo;
}

/** What the server says of an entry by itself. */
const ITS_OWN: ReadonlySet<string> = new Set([
  'overriddenStatus',
  'overriddenstatus',
  'leaseInfo',
  'isCoordinatingDiscoveryServer',
  'lastUpdatedTimestamp',
  'lastDirtyTimestamp',
  'actionType',
]);

function leaseOf({ leaseInfo }: Readonly<Record<string, unknown>>): LeaseTerms {
  const lease = isObject(leaseInfo) ? leaseInfo : {};
  return {
    // Eureka's own defaults (com.netflix.appinfo.LeaseInfo).
    durationSecs: numberOf(lease['durationInSecs']) || 90,
    renewalIntervalSecs: numberOf(lease['renewalIntervalInSecs']) || 30,
  };
}
