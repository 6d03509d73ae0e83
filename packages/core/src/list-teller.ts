import type { InstanceList, WatchEvent } from './adapter.ts';
import { sameInstance, type ServiceInstance } from './instance.ts';

export interface ListTellerOptions {
  /**
   * Whether several that are missing at once are told as removals too. For lists that were doubted already. Defaults to
   * false.
   */
  readonly isTrusted?: boolean;
}

/**
 * Tells lists as what they change, for a `watch` over a registry that sends whole lists: first the list, then deltas.
 *
 * One that left is told as a removal, and believed. Where several are missing at once the whole list is told: the core then
 * looks twice before it believes that most of a service is gone (docs/decisions/004).
 */
export class ListTeller {
  readonly #isTrusted: boolean;
  #told: ReadonlyMap<string, ServiceInstance> | undefined;
  #skipped: ReadonlyMap<string, string> = new Map();

  constructor({ isTrusted = false }: ListTellerOptions = {}) {
    this.#isTrusted = isTrusted;
  }

  /**
   * Takes the next list. An instance that is the same object as before isn't compared any further.
   *
   * @param isWhole tells the whole list in any case: what was known before says nothing about it.
   * @returns what is to be told; `undefined` when the list says what the last one said.
   */
  next(list: InstanceList, { isWhole = false } = {}): WatchEvent | undefined {
    const told = this.#told;
    const skippedBefore = this.#skipped;
    const now = new Map(list.instances.map((instance) => [instance.id, instance]));
    this.#told = now;
    this.#skipped = new Map(list.skipped.map(({ key, reason }) => [key, reason]));
    const removed = told ? [...told.keys()].filter((id) => !now.has(id)) : [];
    if (!told || isWhole || (removed.length > 1 && !this.#isTrusted)) return { kind: 'list', ...list };
    const put = list.instances.filter((instance) => {
      const before = told.get(instance.id);
      return !before || !sameInstance(before, instance);
    });
    const skipped = list.skipped.filter(({ key, reason }) => skippedBefore.get(key) !== reason);
    if (put.length + removed.length + skipped.length === 0) return undefined;
    return {
      kind: 'delta',
      put,
      removed,
      skipped,
      ...(list.revision !== undefined && { revision: list.revision }),
    };
  }
}
