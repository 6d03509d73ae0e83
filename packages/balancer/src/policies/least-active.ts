import { type Dice, SIDES } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { LoadObserver, Target } from '../target.ts';

interface Place extends LoadObserver {
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
export class LeastActive implements Policy {
  readonly #dice: Dice;
  readonly #heap: Place[] = [];
  #turn = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    const turns = new Map(this.#heap.map(({ target, turn }) => [target, turn]));
    this.close();
    for (const [i, target] of targets.entries()) {
      const weight = weights[i] as number;
      // Who is new stands anywhere among those who were never picked, else all callers would begin with the first.
      const turn = turns.get(target) ?? -this.#dice.throw() / SIDES;
      const load = target.running / weight;
      const place: Place = { target, weight, at: i, load, turn, loadChanged: () => this.#move(place) };
      this.#heap.push(place);
      target.observe(place);
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

  /** Watches its targets no more. */
  close(): void {
    for (const place of this.#heap) place.target.forsake(place);
    this.#heap.length = 0;
  }

  /** Brings one to where it belongs, by what it has to do now. */
  #move(place: Place): void {
    const before = place.load;
    place.load = place.target.running / place.weight;
    if (place.load < before) this.#up(place);
    else this.#down(place);
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
