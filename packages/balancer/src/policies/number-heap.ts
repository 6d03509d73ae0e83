/** Items by number, the smallest first. */
export class NumberHeap<T> {
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

  push(key: number, item: T): void {
    let place = this.#items.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const parentKey = this.#keys[parent] as number;
      if (parentKey <= key) break;
      this.#keys[place] = parentKey;
      this.#items[place] = this.#items[parent] as T;
      place = parent;
    }
    this.#keys[place] = key;
    this.#items[place] = item;
  }

  pop(): T | undefined {
    const [top] = this.#items;
    const key = this.#keys.pop();
    const item = this.#items.pop();
    if (key !== undefined && this.#items.length > 0) this.replaceTop(key, item as T);
    return top;
  }

  /** As `pop` and `push`, in one. */
  replaceTop(key: number, item: T): void {
    const keys = this.#keys;
    const items = this.#items;
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

  clear(): void {
    this.#keys.length = 0;
    this.#items.length = 0;
  }
}
