import { type Dice, SIDES } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { Target } from '../target.ts';
import { NumberHeap, type Numbered } from './number-heap.ts';

/** One target in the rotation. */
interface Turn extends Numbered {
  readonly target: Target;
  readonly weight: number;
  /** The weight of all. */
  readonly total: number;
  /** What it was owed when this rotation began, in picks. */
  readonly credit: number;
  /** Below 1; tells apart those whose turn is due at the same pick. */
  readonly tie: number;
  picks: number;
}

/**
 * Smooth weighted round robin, exact: after any number of picks each target has had its share of them, within one.
 *
 * The j-th pick of a target with share s, from 0, is due in the window [⌊j/s⌋, ⌈(j+1)/s⌉); of those whose window has begun, the one
 * whose window ends first is picked. With one pick at a time that keeps all windows
 * (S. Baruah, N. Cohen, C. Plaxton and D. Varvel, "Proportionate Progress", Algorithmica 15, 1996; for the bound also
 * R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32, 1980). It takes time by the logarithm of the
 * number of targets.
 *
 * When the list or a weight changes, the new shares hold from the next pick on, and what each was owed it is owed still: else those
 * with little weight would never be picked from a list that changes often.
 */
export class WeightedRoundRobin implements Policy {
  readonly #dice: Dice;
  /** By the end of their window: those whose window has begun. */
  readonly #due = new NumberHeap<Turn>();
  /** By the beginning of their window. */
  readonly #waiting = new NumberHeap<Turn>();
  #turns = new Map<Target, Turn>();
  /** Picks since the rotation began. */
  #slot = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const turns = new Map<Target, Turn>();
    this.#due.clear();
    this.#waiting.clear();
    for (const [i, target] of targets.entries()) {
      const before = this.#turns.get(target);
      const turn: Turn = {
        target,
        weight: weights[i] as number,
        total,
        credit: before ? before.credit + (before.weight * this.#slot) / before.total - before.picks : 0,
        tie: before?.tie ?? this.#dice.throw() / SIDES,
        picks: 0,
        key: 0,
      };
      turn.key = beginOf(turn);
      turns.set(target, turn);
      this.#waiting.push(turn);
    }
    this.#turns = turns;
    this.#slot = 0;
  }

  pick(): Target | undefined {
    const due = this.#due;
    const waiting = this.#waiting;
    while (waiting.topKey <= this.#slot) this.#letIn();
    // Where somebody left, those who stay may have had all that is due to them: the next one has it early.
    if (due.size === 0) {
      if (waiting.size === 0) return undefined;
      this.#letIn();
    }
    const turn = due.top as Turn;
    turn.picks++;
    this.#slot++;
    const begin = beginOf(turn);
    if (begin <= this.#slot) {
      turn.key = endOf(turn);
      due.moveTop();
    } else {
      due.pop();
      turn.key = begin;
      waiting.push(turn);
    }
    return turn.target;
  }

  #letIn(): void {
    const turn = this.#waiting.pop();
    if (!turn) return;
    turn.key = endOf(turn);
    this.#due.push(turn);
  }
}

// Divided last: with whole weights that is exact.
function beginOf({ picks, credit, weight, total }: Turn): number {
  return Math.floor(((picks - credit) * total) / weight);
}

function endOf({ picks, credit, weight, total, tie }: Turn): number {
  return Math.ceil(((picks + 1 - credit) * total) / weight) + tie;
}
