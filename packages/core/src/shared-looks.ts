import { orAbort } from './deadline.ts';
import type { GuardedAdapter } from './guarded-adapter.ts';
import type { ServiceInstance, ServiceKey } from './instance.ts';

/** What the registry lists for a service, by id. */
export type ListedInstances = ReadonlyMap<string, ServiceInstance>;

/** The looks at one service: the one under way, and the one that begins when it ends. */
interface Looks {
  current: Promise<ListedInstances>;
  next: Promise<ListedInstances> | undefined;
}

/**
 * What the registry lists for a service, asked for by many at once: a look that hasn't begun serves all who ask
 * meanwhile, so that a process that takes off ten thousand instances doesn't read ten thousand lists.
 */
export class SharedLooks {
  readonly #adapter: GuardedAdapter;
  readonly #closed: AbortSignal;
  readonly #services = new Map<string, Looks>();

  /** @param closed ends every look. */
  constructor(adapter: GuardedAdapter, closed: AbortSignal) {
    this.#adapter = adapter;
    this.#closed = closed;
  }

  /** A list that was read after this call. Rejects with the signal's reason when it aborts first. */
  listOf({ namespace, service }: ServiceKey, signal: AbortSignal): Promise<ListedInstances> {
    const name = JSON.stringify([namespace, service]);
    const look = () => this.#look({ namespace, service });
    let looks = this.#services.get(name);
    if (!looks) {
      looks = { current: look(), next: undefined };
      this.#services.set(name, looks);
      void this.#advance(name, looks);
      return orAbort(looks.current, signal);
    }
    looks.next ??= looks.current.then(look, look);
    return orAbort(looks.next, signal);
  }

  async #advance(name: string, looks: Looks): Promise<void> {
    for (;;) {
      await looks.current.catch(() => {});
      if (!looks.next) break;
      looks.current = looks.next;
      looks.next = undefined;
    }
    this.#services.delete(name);
  }

  async #look(key: ServiceKey): Promise<ListedInstances> {
    const { instances } = await this.#adapter.discover(key, this.#closed);
    return new Map(instances.map((instance) => [instance.id, instance]));
  }
}
