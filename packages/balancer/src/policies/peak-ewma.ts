import type { Dice } from '../dice.ts';
import type { LatencyAverage } from '../latency-average.ts';
import type { PickRequest, Policy } from '../policy.ts';
import type { Target } from '../target.ts';
import { AliasTable } from './alias-table.ts';

const MAX_DRAWS = 8;

/**
 * Power of two choices by peak EWMA: two are drawn by their weights, and of equals the first is taken, so that shares are those of the
 * weights; else the one that would answer sooner is taken, which is the
 * lower product of its latency and the calls under way there, this one with them. The latency is a moving average that follows a rise
 * at once and a fall slowly.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12, 2001; peak EWMA as in Finagle
 * (https://github.com/twitter/finagle/blob/develop/finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/PeakEwma.scala).
 */
export class PeakEwma implements Policy {
  readonly #dice: Dice;
  readonly #latency: LatencyAverage;
  #targets: readonly Target[] = [];
  /** 1 for one of average weight. */
  #relative: readonly number[] = [];
  #table = new AliasTable([]);

  constructor(dice: Dice, latency: LatencyAverage) {
    this.#dice = dice;
    this.#latency = latency;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#targets = targets;
    this.#relative = weights.map((weight) => weight / mean);
    this.#table = new AliasTable(weights);
  }

  pick(_request: PickRequest, now: number): Target | undefined {
    const targets = this.#targets;
    if (targets.length < 2) return targets[0];
    const a = this.#table.draw(this.#dice);
    let b = this.#table.draw(this.#dice);
    // Two that differ, else the slowest would be taken whenever it is drawn twice. Where one has nearly all the weight, its neighbour.
    for (let tries = 0; b === a && tries < MAX_DRAWS; tries++) b = this.#table.draw(this.#dice);
    if (b === a) b = (a + 1) % targets.length;
    return this.#cost(a, now) <= this.#cost(b, now) ? targets[a] : targets[b];
  }

  #cost(place: number, now: number): number {
    const target = this.#targets[place] as Target;
    const { running } = target;
    // Nothing is known of one that is new: until its first call has ended, it gets one.
    if (target.latencyMs === 0) return running === 0 ? 0 : Number.MAX_VALUE;
    return this.#latency.of(target, now) * (running / (this.#relative[place] as number) + 1);
  }
}
