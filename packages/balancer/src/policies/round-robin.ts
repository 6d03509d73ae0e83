import type { Dice } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { Target } from '../target.ts';

/** One after the other, weights aside. It begins anywhere, so that many callers that start at once don't begin at the same. */
export class RoundRobin implements Policy {
  readonly #dice: Dice;
  #targets: readonly Target[] = [];
  #next = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[]): void {
    const next = this.#targets[this.#next];
    this.#targets = targets;
    // Where the next one stands now; where it has left, those behind it have moved up.
    const place = next === undefined ? this.#dice.below(targets.length) : targets.indexOf(next);
    if (place !== -1) this.#next = place;
    else if (this.#next >= targets.length) this.#next = 0;
  }

  pick(): Target | undefined {
    const targets = this.#targets;
    const place = this.#next;
    this.#next = place + 1 < targets.length ? place + 1 : 0;
    return targets[place];
  }
}
