/** What stands in a {@link NumberHeap}: its number is a field, because one that is passed between functions may be allocated. */
export interface Numbered {
  /** Not to be changed while it is in the heap, but for the top before {@link NumberHeap.moveTop}. */
  key: number;
}

/** Items by number, the smallest first. */
export class NumberHeap<T extends Numbered> {
  readonly #keys: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The smallest number; infinite when it is empty. */
  get topKey(): number {
    return this.#keys.length === 0 ? Number.POSITIVE_INFINITY : (this.#keys[0] as number);
  }

  get top(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const keys = this.#keys;
    const items = this.#items;
    const { key } = item;
    let place = items.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const parentKey = keys[parent] as number;
      if (parentKey <= key) break;
      keys[place] = parentKey;
      items[place] = items[parent] as T;
      place = parent;
    }
    keys[place] = key;
    items[place] = item;
  }

  pop(): T | undefined {
    const [top] = this.#items;
    this.#keys.pop();
    const item = this.#items.pop();
    if (item && this.#items.length > 0) this.#sink(item);
    return top;
  }

  /** Brings the top to its place, after its number has grown. */
  moveTop(): void {
    const { top } = this;
    if (top) this.#sink(top);
  }

  clear(): void {
    this.#keys.length = 0;
    this.#items.length = 0;
  }

  /** Puts an item where it belongs, instead of the top. */
  #sink(item: T): void {
    const keys = this.#keys;
    const items = this.#items;
    const { key } = item;
    const count = items.length;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= count) break;
      if (child + 1 < count && (keys[child + 1] as number) < (keys[child] as number)) child++;
      const childKey = keys[child] as number;
      if (childKey >= key) break;
      keys[place] = childKey;
      items[place] = items[child] as T;
      place = child;
    }
    keys[place] = key;
    items[place] = item;
  }
}
