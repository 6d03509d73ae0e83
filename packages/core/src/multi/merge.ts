import type { ServiceInstance } from '../instance.ts';

/** What one source lists of a service. */
export interface Listing {
  /** `undefined` when nothing is known. */
  readonly instances: readonly ServiceInstance[] | undefined;
  /** Whether the source can be reached. If not, the instances are the last that it told. */
  readonly isLive: boolean;
}

export type ReadRule = 'merged' | 'first';

/**
 * Makes one list of one service out of what several sources list, in the order in which they are preferred.
 *
 * - `merged`: everything that any of them lists. The same id, or the same host and port in two sources, is one instance: the
 *   one of the first source, unless a later one says that it is not `UP`. So who leaves is let go at once.
 * - `first`: what the first source lists that is reachable and lists any.
 *
 * A source that can't be reached counts with its last list, after those that can; but it can't vouch for an
 * instance that a source which can be reached listed and has dropped since.
 */
export class Merger {
  readonly #rule: ReadRule;
  /** The ids that each source listed when it was last reachable. */
  readonly #listed = new Map<number, ReadonlySet<string>>();
  readonly #dropped = new Set<string>();

  constructor(rule: ReadRule) {
    this.#rule = rule;
  }

  /** @param listings one for each source, always in the same order. */
  merge(listings: readonly Listing[]): ReadonlyMap<string, ServiceInstance> {
    this.#note(listings);
    const lists = [
      ...listings.filter(({ isLive }) => isLive).map(({ instances = [] }) => instances),
      ...listings
        .filter(({ isLive }) => !isLive)
        .map(({ instances = [] }) => instances.filter(({ id }) => !this.#dropped.has(id))),
    ];
    if (this.#rule === 'merged') return union(lists);
    const first = lists.find((list) => list.length > 0) ?? [];
    return new Map(first.map((instance) => [instance.id, instance]));
  }

  #note(listings: readonly Listing[]): void {
    const now = listings.map(({ instances, isLive }) =>
      isLive ? new Set(instances?.map(({ id }) => id)) : undefined,
    );
    for (const [source, ids] of now.entries()) {
      if (!ids) continue;
      for (const id of this.#listed.get(source) ?? []) if (!ids.has(id)) this.#dropped.add(id);
      this.#listed.set(source, ids);
    }
    for (const ids of now) for (const id of ids ?? []) this.#dropped.delete(id);
    if (!now.includes(undefined)) this.#dropped.clear();
  }
}

function union(lists: readonly (readonly ServiceInstance[])[]): ReadonlyMap<string, ServiceInstance> {
  const chosen = new Map<string, ServiceInstance>();
  /** Which list has the instance at this address. */
  const placed = new Map<string, number>();
  for (const [place, list] of lists.entries()) {
    for (const instance of list) {
      const same = chosen.get(instance.id);
      if (same) {
        if (same.status === 'UP' && instance.status !== 'UP') chosen.set(instance.id, instance);
        continue;
      }
      const address = `${instance.host}:${instance.port}`;
      if ((placed.get(address) ?? place) !== place) continue;
      placed.set(address, place);
      chosen.set(instance.id, instance);
    }
  }
  return chosen;
}
