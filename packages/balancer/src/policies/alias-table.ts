import { type Dice, SIDES } from '../dice.ts';

/**
 * Draws places with the chances of their weights, in the same time for any number of them: Walker's alias method, built as
 * Vose does (https://www.keithschwarz.com/darts-dice-coins/).
 */
export class AliasTable {
  /** Of {@link SIDES}. */
  readonly #chances: Int32Array;
  readonly #aliases: Uint32Array;

  /** @param weights above 0. */
  constructor(weights: readonly number[]) {
    const count = weights.length;
    this.#chances = new Int32Array(count).fill(SIDES);
    this.#aliases = new Uint32Array(count);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => (weight / total) * count);
    const small: number[] = [];
    const large: number[] = [];
    for (const [place, share] of shares.entries()) (share < 1 ? small : large).push(place);
    for (;;) {
      const [less, more] = [small.pop(), large.pop()];
      // What is left on one side is a whole share, but for rounding.
      if (less === undefined || more === undefined) break;
      const share = shares[less] as number;
      this.#chances[less] = Math.round(share * SIDES);
      this.#aliases[less] = more;
      const rest = (shares[more] as number) - (1 - share);
      shares[more] = rest;
      (rest < 1 ? small : large).push(more);
    }
  }

  draw(dice: Dice): number {
    const place = dice.below(this.#chances.length);
    return dice.throw() < (this.#chances[place] as number) ? place : (this.#aliases[place] as number);
  }
}
