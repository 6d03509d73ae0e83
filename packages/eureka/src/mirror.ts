import type { Applications, Entry } from './answer.ts';
import type { From } from './eureka-servers.ts';

interface Known {
  readonly status: string;
  readonly updatedAt: number;
}

/** What one server lists: of each instance no more than it takes to count, as Eureka counts. */
export class Mirror {
  readonly server: string;
  readonly #apps = new Map<string, Map<string, Known>>();
  readonly #counts = new Map<string, number>();

  static of({ server, value }: From<Applications>): Mirror {
    const mirror = new Mirror(server);
    mirror.apply(value.entries);
    return mirror;
  }

  private constructor(server: string) {
    this.server = server;
  }

  /** The apps that have an instance. */
  get apps(): Iterable<string> {
    return this.#apps.keys();
  }

  /**
   * How many instances of each status there are, as Eureka writes it: `DOWN_1_UP_2_`
   * (https://github.com/Netflix/eureka/wiki/Understanding-eureka-client-server-communication#fetch-registry).
   */
  get hash(): string {
    return [...this.#counts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([status, count]) => `${status}_${count}_`)
      .join('');
  }

  /** Takes changes, but for those that are older than what is known. */
  apply(entries: Iterable<Entry>): void {
    for (const { app, instanceId, status, updatedAt, isRemoved } of entries) {
      let known = this.#apps.get(app);
      const before = known?.get(instanceId);
      if (before && before.updatedAt > updatedAt) continue;
      if (before) this.#count(before.status, -1);
      if (isRemoved) {
        known?.delete(instanceId);
        if (known?.size === 0) this.#apps.delete(app);
        continue;
      }
      if (!known) this.#apps.set(app, (known = new Map<string, Known>()));
      known.set(instanceId, { status, updatedAt });
      this.#count(status, 1);
    }
  }

  /** What of these changes isn't known. */
  lacking(entries: Iterable<Entry>): readonly Entry[] {
    return [...lastOfEach(entries).values()].filter(({ app, instanceId, updatedAt, isRemoved }) => {
      const known = this.#apps.get(app)?.get(instanceId);
      return isRemoved ? known && known.updatedAt <= updatedAt : !known || known.updatedAt < updatedAt;
    });
  }

  #count(status: string, by: 1 | -1): void {
    const count = (this.#counts.get(status) ?? 0) + by;
    if (count === 0) this.#counts.delete(status);
    else this.#counts.set(status, count);
  }
}

/** The last of the changes of each instance, by its place. */
export function lastOfEach(entries: Iterable<Entry>): ReadonlyMap<string, Entry> {
  const last = new Map<string, Entry>();
  for (const entry of entries) {
    const place = placeOf(entry);
    const other = last.get(place);
    if (!other || other.updatedAt <= entry.updatedAt) last.set(place, entry);
  }
  return last;
}

export function placeOf({ app, instanceId }: Entry): string {
  return `${app}/${instanceId}`;
}
