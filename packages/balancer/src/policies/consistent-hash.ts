import { invalidArgument, identityOf } from '@rollcall/core';
import type { Dice } from '../dice.ts';
import { hashNumber, hashText } from '../hash.ts';
import type { PickRequest, Policy } from '../policy.ts';
import type { LoadObserver, Target } from '../target.ts';

export interface ConsistentHashOptions {
  /**
   * How many times the average of calls under way one instance may have, before its keys go to the next on the ring: 1.25 is a
   * quarter more. Defaults to 1.25; `Infinity` lets a key stay whatever its instance has to do.
   */
  readonly maxLoad?: number;
  /**
   * Points on the ring for an instance of average weight: with n of them its share of the keys is right to one part in the root of
   * n. Defaults to 512; from 256 instances on there are fewer.
   */
  readonly points?: number;
}

/** A longer list has half as many points for each, or a quarter, and so on, so that a change of it stays cheap. */
const MAX_RING = 131_072;
/** As many points as the smallest share needs to be about right. */
const MIN_POINTS = 8;

/**
 * The same instance for the same key: a ring of hashes, each instance at many points of it by its weight (D. Karger et al.,
 * "Consistent Hashing and Random Trees", STOC 1997). When one leaves, its keys alone move. One that has more calls than
 * `maxLoad` times its share is passed over (V. Mirrokni, M. Thorup and M. Zadimoghaddam, "Consistent Hashing with Bounded Loads",
 * SODA 2018), so that one hot key doesn't bring down one instance after the other.
 *
 * A call without a key goes anywhere. Why a ring, the README says.
 */
export class ConsistentHash implements Policy, LoadObserver {
  readonly #dice: Dice;
  readonly #maxLoad: number;
  readonly #points: number;
  #targets: readonly Target[] = [];
  /** Calls under way, at all of them. */
  #running = 0;
  /** 1 for one of average weight. */
  #relative: readonly number[] = [];
  /** The hashes on the ring, sorted, and at each the place of its target. */
  #hashes = new Uint32Array(0);
  #owners = new Uint32Array(0);

  /** @throws {RegistryError} `INVALID_ARGUMENT` */
  constructor(dice: Dice, { maxLoad = 1.25, points = 512 }: ConsistentHashOptions) {
    if (!(maxLoad >= 1)) throw invalidArgument('policy.maxLoad', 'must be a number from 1');
    if (!(points >= 1)) throw invalidArgument('policy.points', 'must be a number from 1');
    this.#dice = dice;
    this.#maxLoad = maxLoad;
    this.#points = points;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    this.close();
    for (const target of targets) {
      target.observe(this);
      this.#running += target.running;
    }
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#targets = targets;
    this.#relative = weights.map((weight) => weight / mean);
    const counts = this.#counts(weights, mean);
    const ring = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
    let next = 0;
    for (const [place, { instance }] of targets.entries()) {
      const seed = hashText(identityOf(instance));
      // Hash and place in one number that sorts by the hash.
      for (let i = 0; i < (counts[place] as number); i++) ring[next++] = hashNumber(i, seed) * PLACES + place;
    }
    ring.sort();
    this.#hashes = Uint32Array.from(ring, (point) => Math.floor(point / PLACES));
    this.#owners = Uint32Array.from(ring, (point) => point % PLACES);
  }

  pick({ key }: PickRequest): Target | undefined {
    const targets = this.#targets;
    if (targets.length === 0) return undefined;
    if (key !== undefined && typeof key !== 'string') throw invalidArgument('key', 'must be a string');
    const from = this.#placeOf(key === undefined ? this.#dice.throw() * 4 : hashText(key));
    const owners = this.#owners;
    if (this.#maxLoad === Number.POSITIVE_INFINITY) return targets[owners[from] as number];
    const limit = (this.#maxLoad * (this.#running + 1)) / targets.length;
    for (let i = 0; i < owners.length; i++) {
      const place = owners[(from + i) % owners.length] as number;
      const target = targets[place] as Target;
      if (target.running + 1 <= Math.ceil(limit * (this.#relative[place] as number))) return target;
    }
    return targets[owners[from] as number];
  }

  loadChanged(_target: Target, by: number): void {
    this.#running += by;
  }

  close(): void {
    for (const target of this.#targets) target.forsake(this);
    this.#targets = [];
    this.#running = 0;
  }

  /**
   * How many points each has. In steps of powers of two, as the length of the list and the mean of the weights go: else a change of
   * either would move points of all.
   */
  #counts(weights: readonly number[], mean: number): readonly number[] {
    let each = this.#points;
    while (each > MIN_POINTS && each * weights.length > MAX_RING) each /= 2;
    const unit = 2 ** Math.round(Math.log2(mean));
    return weights.map((weight) => Math.max(1, Math.round((weight / unit) * each)));
  }

  /** The first point at or after a hash; the ring has no end. */
  #placeOf(hash: number): number {
    const hashes = this.#hashes;
    let [low, high] = [0, hashes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((hashes[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low === hashes.length ? 0 : low;
  }
}

/** More than there are targets: a hash of 32 bits and a place fit into the 53 bits of a number. */
const PLACES = 2 ** 21;
