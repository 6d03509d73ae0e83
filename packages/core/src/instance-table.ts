import { sameInstance, type ServiceInstance } from './instance.ts';

const NONE: ReadonlySet<string> = new Set();

/**
 * The instances of one service by id, kept so that a change costs what changed: an unchanged instance keeps its
 * object and its place, and a frozen list of all is one copy of references.
 */
export class InstanceTable {
  readonly #places = new Map<string, number>();
  readonly #list: ServiceInstance[] = [];

  get size(): number {
    return this.#list.length;
  }

  has(id: string): boolean {
    return this.#places.has(id);
  }

  get(id: string): ServiceInstance | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#list[place];
  }

  ids(): Iterable<string> {
    return this.#places.keys();
  }

  /** Adds or replaces. `false` when the table says the same already. */
  put(instance: ServiceInstance): boolean {
    const place = this.#places.get(instance.id);
    if (place === undefined) {
      this.#places.set(instance.id, this.#list.length);
      this.#list.push(instance);
      return true;
    }
    if (sameInstance(this.#list[place] as ServiceInstance, instance)) return false;
    this.#list[place] = instance;
    return true;
  }

  /** `false` when it wasn't there. The last instance takes the place that becomes free. */
  remove(id: string): boolean {
    const place = this.#places.get(id);
    if (place === undefined) return false;
    this.#places.delete(id);
    const last = this.#list.pop() as ServiceInstance;
    if (last.id !== id) {
      this.#list[place] = last;
      this.#places.set(last.id, place);
    }
    return true;
  }

  clear(): void {
    this.#places.clear();
    this.#list.length = 0;
  }

  /** A frozen copy of the list, without those. */
  toList(except: ReadonlySet<string> = NONE): readonly ServiceInstance[] {
    const list = except.size === 0 ? this.#list.slice() : this.#list.filter(({ id }) => !except.has(id));
    return Object.freeze(list);
  }

  /** Whether these instances are exactly what the table holds besides those in `except`, which it holds too. */
  equals(instances: readonly ServiceInstance[], except: ReadonlySet<string> = NONE): boolean {
    if (instances.length !== this.#list.length - except.size) return false;
    return instances.every((instance) => {
      const place = this.#places.get(instance.id);
      return (
        place !== undefined &&
        !except.has(instance.id) &&
        sameInstance(this.#list[place] as ServiceInstance, instance)
      );
    });
  }
}
