import type { AdapterCapabilities, InstanceOverride, InstanceStatus, ServiceInstance } from '@rollcall/core';

/** An instance that is listed, but not as it was when it was dumped. */
export interface PlannedChange {
  /** As it is listed. */
  readonly instance: ServiceInstance;
  readonly change: InstanceOverride;
}

/** What would make the lists as they were, without saying what only a process itself can say. */
export interface RestorePlan {
  readonly changes: readonly PlannedChange[];
  /** Dumped, and not listed. */
  readonly missing: readonly ServiceInstance[];
  /** Listed, and nothing of it is an operator's to change. */
  readonly unchanged: readonly ServiceInstance[];
}

/** An operator says these two; the others are what a process says of itself. */
const OF_OPERATORS: ReadonlySet<InstanceStatus> = new Set(['UP', 'OUT_OF_SERVICE']);

/** Compares what was dumped with what is listed. */
export function planRestore(
  dumped: readonly ServiceInstance[],
  listed: readonly ServiceInstance[],
  { fields }: AdapterCapabilities,
): RestorePlan {
  const now = new Map(listed.map((instance) => [nameOf(instance), instance]));
  const changes: PlannedChange[] = [];
  const missing: ServiceInstance[] = [];
  const unchanged: ServiceInstance[] = [];
  for (const was of dumped) {
    const instance = now.get(nameOf(was));
    if (!instance) {
      missing.push(was);
      continue;
    }
    const isTurned =
      was.status !== instance.status && OF_OPERATORS.has(was.status) && OF_OPERATORS.has(instance.status);
    const change: InstanceOverride = {
      ...(isTurned && fields.includes('status') && { status: was.status }),
      ...(was.weight !== instance.weight && fields.includes('weight') && { weight: was.weight }),
    };
    if (Object.keys(change).length > 0) changes.push({ instance, change });
    else unchanged.push(instance);
  }
  return { changes, missing, unchanged };
}

/** An instance as people name it. */
export function nameOf({ service, id }: ServiceInstance): string {
  return `${service}/${id}`;
}
