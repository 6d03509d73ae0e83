import { type Dice, SIDES } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { LoadObserver, Target } from '../target.ts';

interface Place {
  readonly target: Target;
  readonly weight: number;
  /** In the heap. */
  at: number;
  load: number;
  /** When it was last picked, counted in picks. */
  turn: number;
}

/**
 * The one with the fewest calls under way for its weight; of equals, the one that was picked longest ago. Exact: a heap is kept as
 * calls begin and end, so a pick is quick, and a beginning or an end takes time by the logarithm of the number of targets.
 */
export class LeastActive implements Policy, LoadObserver {
  readonly #dice: Dice;
  readonly #heap: Place[] = [];
  readonly #places = new Map<Target, Place>();
  #turn = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    const turns = new Map(Array.from(this.#places, ([target, { turn }]) => [target, turn]));
    this.close();
    for (const [i, target] of targets.entries()) {
      const weight = weights[i] as number;
      // Who is new stands anywhere among those who were never picked, else all callers would begin with the first.
      const turn = turns.get(target) ?? -this.#dice.throw() / SIDES;
      const place = { target, weight, at: i, load: target.running / weight, turn };
      this.#heap.push(place);
      this.#places.set(target, place);
      target.observers.push(this);
      this.#up(place);
    }
  }

  pick(): Target | undefined {
    const [top] = this.#heap;
    if (!top) return undefined;
    top.turn = ++this.#turn;
    this.#down(top);
    return top.target;
  }

  loadChanged(target: Target): void {
    const place = this.#places.get(target);
    if (!place) return;
    const before = place.load;
    place.load = target.running / place.weight;
    if (place.load < before) this.#up(place);
    else this.#down(place);
  }

  /** Watches its targets no more. */
  close(): void {
    for (const { observers } of this.#places.keys()) observers.splice(observers.indexOf(this), 1);
    this.#places.clear();
    this.#heap.length = 0;
  }

  #up(place: Place): void {
    const heap = this.#heap;
    let { at } = place;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as Place;
      if (!isBefore(place, parent)) break;
      heap[at] = parent;
      parent.at = at;
      at = parentAt;
    }
    heap[at] = place;
    place.at = at;
  }

  #down(place: Place): void {
    const heap = this.#heap;
    const count = heap.length;
    let { at } = place;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= count) break;
      let child = heap[childAt] as Place;
      const other = heap[childAt + 1];
      if (other && isBefore(other, child)) {
        child = other;
        childAt++;
      }
      if (!isBefore(child, place)) break;
      heap[at] = child;
      child.at = at;
      at = childAt;
    }
    heap[at] = place;
    place.at = at;
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.load < b.load || (a.load === b.load && a.turn < b.turn);
}
