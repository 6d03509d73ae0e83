import { type Dice, SIDES } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { LoadObserver, Target } from '../target.ts';

/** One target, in the queue of those that have its weight and as many calls under way. */
interface Place extends LoadObserver {
  readonly target: Target;
  readonly weight: number;
  /** Those of its weight, by calls under way. */
  readonly queues: Queue[];
  queue: Queue | undefined;
  /** When it came to stand here, counted in such moves. */
  turn: number;
  before: Place | undefined;
  after: Place | undefined;
}

/** Places with the same load; who has stood here for longest is the first. */
interface Queue {
  /** Calls under way for the weight. */
  readonly load: number;
  first: Place | undefined;
  last: Place | undefined;
  /** In the heap; {@link NOWHERE} while it is empty. */
  at: number;
}

const NOWHERE = -1;

/**
 * The one with the fewest calls under way for its weight; of equals, the one that has had so few for longest. Exact. Those that have the
 * same weight and as many calls stand in a queue, and the queues in a heap: a pick, a beginning and an end take time by the logarithm of
 * how many queues there are, however long they are.
 */
export class LeastActive implements Policy {
  readonly #dice: Dice;
  /** The queues that are not empty, the next one first. */
  readonly #heap: Queue[] = [];
  #places: readonly Place[] = [];
  #turn = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    const turns = new Map(this.#places.map(({ target, turn }) => [target, turn]));
    this.close();
    const byWeight = new Map<number, Queue[]>();
    const places = targets.map((target, i) => {
      const weight = weights[i] as number;
      const queues = byWeight.get(weight) ?? [];
      byWeight.set(weight, queues);
      // Who is new stands anywhere before all others, else all callers would begin with the first.
      const turn = turns.get(target) ?? -this.#dice.throw() / SIDES;
      const place: Place = {
        target,
        weight,
        queues,
        queue: undefined,
        turn,
        before: undefined,
        after: undefined,
        loadChanged: () => this.#move(place),
      };
      target.observe(place);
      return place;
    });
    for (const place of places.toSorted((a, b) => a.turn - b.turn)) this.#enter(place);
    this.#places = places;
  }

  pick(): Target | undefined {
    const place = this.#heap[0]?.first;
    if (!place) return undefined;
    this.#move(place);
    return place.target;
  }

  /** Watches its targets no more. */
  close(): void {
    for (const place of this.#places) place.target.forsake(place);
    this.#places = [];
    this.#heap.length = 0;
  }

  /** To the end of the queue where it belongs now. */
  #move(place: Place): void {
    this.#leave(place);
    place.turn = ++this.#turn;
    this.#enter(place);
  }

  #enter(place: Place): void {
    const { running } = place.target;
    const queue = (place.queues[running] ??= {
      load: running / place.weight,
      first: undefined,
      last: undefined,
      at: NOWHERE,
    });
    place.queue = queue;
    place.before = queue.last;
    place.after = undefined;
    if (queue.last) queue.last.after = place;
    else queue.first = place;
    queue.last = place;
    if (queue.at === NOWHERE) this.#up(queue, this.#heap.length);
  }

  #leave({ queue, before, after }: Place): void {
    if (!queue) return;
    if (before) before.after = after;
    else queue.first = after;
    if (after) after.before = before;
    else queue.last = before;
    if (!queue.first) this.#takeOut(queue);
    // Its first one stands there for less long than the one before.
    else if (!before) this.#down(queue, queue.at);
  }

  #takeOut(queue: Queue): void {
    const { at } = queue;
    queue.at = NOWHERE;
    const last = this.#heap.pop();
    if (!last || last === queue) return;
    this.#up(last, at);
    this.#down(last, last.at);
  }

  /** Puts a queue where it belongs, from a place on towards the top. */
  #up(queue: Queue, from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as Queue;
      if (!isBefore(queue, parent)) break;
      heap[at] = parent;
      parent.at = at;
      at = parentAt;
    }
    heap[at] = queue;
    queue.at = at;
  }

  /** The same away from the top. */
  #down(queue: Queue, from: number): void {
    const heap = this.#heap;
    const count = heap.length;
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= count) break;
      let child = heap[childAt] as Queue;
      const other = heap[childAt + 1];
      if (other && isBefore(other, child)) {
        child = other;
        childAt++;
      }
      if (!isBefore(child, queue)) break;
      heap[at] = child;
      child.at = at;
      at = childAt;
    }
    heap[at] = queue;
    queue.at = at;
  }
}

function isBefore(a: Queue, b: Queue): boolean {
  return a.load < b.load || (a.load === b.load && turnOf(a) < turnOf(b));
}

/** No queue in the heap is empty. */
function turnOf({ first }: Queue): number {
  return first ? first.turn : Number.POSITIVE_INFINITY;
}
