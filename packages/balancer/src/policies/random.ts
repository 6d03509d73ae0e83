import type { Dice } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { Target } from '../target.ts';

/** Any, all with the same chance, weights aside. */
export class RandomChoice implements Policy {
  readonly #dice: Dice;
  #targets: readonly Target[] = [];

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[]): void {
    this.#targets = targets;
  }

  pick(): Target | undefined {
    return this.#targets[this.#dice.below(this.#targets.length)];
  }
}
