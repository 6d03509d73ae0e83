import { sameInstance, type ServiceInstance } from '@rollcall/core';

/** What became of one instance between two lists. */
export interface ListChange {
  readonly change: 'listed' | 'changed' | 'gone';
  /** As it is now; for one that is gone, as it was. */
  readonly instance: ServiceInstance;
}

/** What is different between two lists: first what came and changed, then what is gone. */
export function listChanges(
  before: readonly ServiceInstance[],
  after: readonly ServiceInstance[],
): readonly ListChange[] {
  const old = new Map(before.map((instance) => [instance.id, instance]));
  const changes: ListChange[] = [];
  for (const instance of after) {
    const was = old.get(instance.id);
    old.delete(instance.id);
    if (!was) changes.push({ change: 'listed', instance });
    else if (!sameInstance(was, instance)) changes.push({ change: 'changed', instance });
  }
  for (const instance of old.values()) changes.push({ change: 'gone', instance });
  return changes;
}
