import { invalidArgument } from '@rollcall/core';

export interface ZoneOptions {
  /** The zone of this client, as instances name theirs. */
  readonly name: string;
  /**
   * How many callers there are in each zone, or what part of all. Left out: as many in each zone that has an instance. With
   * the truth, no zone gets more than it can serve.
   */
  readonly callers?: Readonly<Record<string, number>>;
  /** With fewer instances than this, zones don't count. Defaults to 6, as in Envoy. */
  readonly minInstances?: number;
}

export const MIN_INSTANCES = 6;

/** A zone, and the chance that a call goes there. */
export interface ZoneShare {
  readonly zone: string;
  readonly share: number;
}

/**
 * What part of this client's calls goes to which zone, by Envoy's zone aware routing
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware): all to its own where
 * that has at least as large a part of the capacity as of the callers; else as many as it can serve, and the rest to zones with
 * more capacity than callers, by what they have left.
 *
 * @param capacities the weight of each zone's instances.
 * @returns `undefined` where zones don't count: this client's zone has no instance.
 */
export function zoneShares(
  capacities: ReadonlyMap<string, number>,
  { name, callers }: ZoneOptions,
): readonly ZoneShare[] | undefined {
  const local = capacities.get(name);
  if (!local) return undefined;
  const capacity = partsOf(capacities);
  const calls = callers
    ? partsOf(new Map(Object.entries(callers)))
    : partsOf(new Map(Array.from(capacities.keys(), (zone) => [zone, 1])));
  const [has, wants] = [capacity.get(name) ?? 0, calls.get(name) ?? 0];
  if (has >= wants) return [{ zone: name, share: 1 }];
  const own = has / wants;
  const spare = Array.from(capacity, ([zone, part]) => ({
    zone,
    left: zone === name ? 0 : Math.max(0, part - (calls.get(zone) ?? 0)),
  }));
  const total = spare.reduce((sum, { left }) => sum + left, 0);
  if (total === 0) return [{ zone: name, share: 1 }];
  return [
    { zone: name, share: own },
    ...spare
      .filter(({ left }) => left > 0)
      .map(({ zone, left }) => ({ zone, share: ((1 - own) * left) / total })),
  ];
}

/** @throws {RegistryError} `INVALID_ARGUMENT` */
export function checkZone({ name, callers = {}, minInstances = 0 }: ZoneOptions): void {
  if (typeof name !== 'string' || name === '')
    throw invalidArgument('zone.name', 'must be the name of a zone');
  for (const [zone, count] of Object.entries(callers))
    if (!(count >= 0 && Number.isFinite(count)))
      throw invalidArgument(`zone.callers.${zone}`, 'must be a number from 0');
  if (!(minInstances >= 0)) throw invalidArgument('zone.minInstances', 'must be a number from 0');
}

function partsOf(numbers: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  let total = 0;
  for (const number of numbers.values()) total += number;
  return new Map(Array.from(numbers, ([zone, number]) => [zone, total === 0 ? 0 : number / total]));
}
