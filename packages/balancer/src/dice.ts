import type { Random } from '@rollcall/core';

/** 2³⁰: what {@link Dice} throws is below it, and so a whole number that the engine needn't allocate. */
export const SIDES = 2 ** 30;

/**
 * Chance for picks. Without a source of its own it is xorshift with 32 bits (G. Marsaglia, "Xorshift RNGs", Journal of Statistical
 * Software 8, 2003), begun anywhere: good enough to spread calls, and it makes no garbage, as `Math.random` does when it
 * is called from afar.
 */
export class Dice {
  readonly #random: Random | undefined;
  #state: number;

  constructor(random?: Random) {
    this.#random = random;
    this.#state = Math.floor((random ?? Math.random)() * SIDES) + 1;
  }

  /** A whole number from 0 to below {@link SIDES}. */
  throw(): number {
    if (this.#random) return Math.floor(this.#random() * SIDES);
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x & (SIDES - 1);
  }

  /** A whole number from 0 to below `count`, which is at most {@link SIDES}. */
  below(count: number): number {
    return Math.floor((this.throw() / SIDES) * count);
  }
}
