import type { Dice } from '../dice.ts';
import type { Policy } from '../policy.ts';
import type { Target } from '../target.ts';
import { AliasTable } from './alias-table.ts';

/** Any, with the chance of its weight. */
export class WeightedRandom implements Policy {
  readonly #dice: Dice;
  #targets: readonly Target[] = [];
  #table = new AliasTable([]);

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    this.#targets = targets;
    this.#table = new AliasTable(weights);
  }

  pick(): Target | undefined {
    return this.#targets[this.#table.draw(this.#dice)];
  }
}
