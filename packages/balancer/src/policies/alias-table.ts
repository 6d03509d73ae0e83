import { type Dice, SIDES } from '../dice.ts';

/**
 * Draws places with the chances of their weights, in the same time for any number of them: Walker's alias method, built as
 * Vose does (https://www.keithschwarz.com/darts-dice-coins/).
 */
export class AliasTable {
  /** That a place stays the one that was drawn, 0 to 1. */
  readonly #chances: Float32Array;
  /** Which is drawn otherwise. */
  readonly #aliases: Uint32Array;
  /** Places for each side of the dice. */
  readonly #perSide: number;

  /** @param weights above 0. */
  constructor(weights: readonly number[]) {
    const count = weights.length;
    this.#chances = new Float32Array(count).fill(1);
    this.#aliases = new Uint32Array(count);
    this.#perSide = count / SIDES;
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
      this.#chances[less] = share;
      this.#aliases[less] = more;
      const rest = (shares[more] as number) - (1 - share);
      shares[more] = rest;
      (rest < 1 ? small : large).push(more);
    }
  }

  draw(dice: Dice): number {
    // One throw for both: its whole part is the place, and the rest says whether it stays. No branch: it would be mispredicted.
    const point = dice.throw() * this.#perSide;
    const place = point | 0;
    const isOther = Number(point - place >= (this.#chances[place] as number));
    return place + ((this.#aliases[place] as number) - place) * isOther;
  }
}
