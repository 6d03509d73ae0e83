import type { InstanceList, WatchEvent } from './adapter.ts';
import type { GuardedAdapter } from './guarded-adapter.ts';
import type { ServiceInstance, ServiceKey } from './instance.ts';

/** Where the lists of a service come from. */
export type ListSource = Pick<GuardedAdapter, 'type' | 'canWatch' | 'discover' | 'watch'>;

/**
 * A source of which only some instances may be seen. The others are as if they were not listed; one that stops
 * being admitted leaves.
 */
export function admittedSource(source: ListSource, only: (instance: ServiceInstance) => boolean): ListSource {
  const admitted = <List extends InstanceList>(list: List): List => ({
    ...list,
    instances: list.instances.filter(only),
  });
  const told = (event: WatchEvent): WatchEvent => {
    if (event.kind === 'list') return admitted(event);
    const put = event.put.filter(only);
    const hidden = event.put.filter((instance) => !put.includes(instance)).map(({ id }) => id);
    return { ...event, put, removed: [...event.removed, ...hidden] };
  };
  return {
    type: source.type,
    canWatch: source.canWatch,
    discover: async (key: ServiceKey, signal) => admitted(await source.discover(key, signal)),
    watch: (key, signal, onEvent) => source.watch(key, signal, (event) => onEvent(told(event))),
  };
}
