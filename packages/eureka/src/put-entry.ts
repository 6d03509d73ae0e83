import type { Clock } from '@rollcall/core';
import type { EntryPlace, EurekaCall, EurekaServers, LeaseTerms, StandingEntry } from './eureka-servers.ts';
import { type InstanceInfo, passingAs } from './layouts/instance-info.ts';

/**
 * Lists an instance, or replaces what is listed, so that its status is the one that it says, or the one that an operator
 * put over it. A registration alone doesn't do that:
 *
 * - One with an older `lastDirtyTimestamp` than what stands there is ignored.
 * - `UP` over `OUT_OF_SERVICE` leaves `OUT_OF_SERVICE`, and the other way round, as if the server had set it
 *   (https://github.com/Netflix/eureka/blob/v2.0.5/eureka-core/src/main/java/com/netflix/eureka/registry/rule/LeaseExistsRule.java).
 *   So the instance passes through `DOWN`, which sends nobody to it either.
 * - An operator's `UP` holds over the instance's own `OUT_OF_SERVICE`. Who takes itself out is believed: the override goes.
 *
 * @returns the version that it was written as, for its beats.
 */
export async function putEntry(
  call: EurekaCall,
  { servers, clock }: { readonly servers: EurekaServers; readonly clock: Clock },
  info: InstanceInfo,
  lease: LeaseTerms,
): Promise<number> {
  const place: EntryPlace = info;
  const before = await servers.standing(call, place);
  const dirtyAt = Math.max(clock.wallNow(), (before?.dirtyAt ?? 0) + 1);
  if (before?.override === 'UP' && info.status === 'OUT_OF_SERVICE') {
    await servers.removeOverride(call, place, info.status);
    return await putSettled(call, servers, undefined, info, lease, dirtyAt);
  }
  return await putSettled(call, servers, before, info, lease, dirtyAt);
}

/**
 * Writes an instance over what stands there, through `DOWN` where Eureka would keep its status else.
 *
 * @returns the version that it was written as.
 */
export async function putSettled(
  call: EurekaCall,
  servers: EurekaServers,
  before: StandingEntry | undefined,
  info: InstanceInfo,
  lease: LeaseTerms,
  firstDirtyAt: number,
): Promise<number> {
  let dirtyAt = firstDirtyAt;
  if (isStuck(before, info)) await servers.put(call, passingAs(info, 'DOWN'), lease, dirtyAt++);
  await servers.put(call, info, lease, dirtyAt);
  // Before its first beat an entry outlives it by the duration, afterwards by twice that: see `leaseTerms`. One that isn't
  // known any more is for the next beat to find out.
  await servers.beat(call, info, dirtyAt);
  return dirtyAt;
}

/**
 * The terms by which an entry outlives its last beat by at least the TTL. Eureka counts the duration twice, once when it
 * takes a beat and once when it looks for the expired
 * (https://github.com/Netflix/eureka/blob/v2.0.5/eureka-core/src/main/java/com/netflix/eureka/lease/Lease.java), and
 * will leave it so. So the duration is half of the TTL, rounded up to whole seconds.
 */
export function leaseTerms(ttlMs: number): LeaseTerms & { readonly ttlMs: number } {
  const within = Math.min(Math.max(ttlMs, TTL_RANGE_MS.min), TTL_RANGE_MS.max);
  const durationSecs = Math.ceil(within / 2_000);
  return {
    durationSecs,
    renewalIntervalSecs: Math.max(1, Math.floor((2 * durationSecs) / 3)),
    ttlMs: durationSecs * 2_000,
  };
}

/** Above, Eureka's 32 bits of milliseconds would do for 24 days of duration; nobody wants the dead for longer than a day. */
export const TTL_RANGE_MS = { min: 2_000, max: 86_400_000 } as const;

/** Whether Eureka would keep the status that stands there. */
function isStuck(before: StandingEntry | undefined, { status }: InstanceInfo): boolean {
  return (
    before !== undefined &&
    before.override === undefined &&
    before.status !== status &&
    isKept(before.status) &&
    isKept(status)
  );
}

function isKept(status: string): boolean {
  return status === 'UP' || status === 'OUT_OF_SERVICE';
}
