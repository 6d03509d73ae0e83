import type { Dice } from '../dice.ts';
import type { LatencyAverage } from '../latency-average.ts';
import type { Policy } from '../policy.ts';
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
  /** How much one call more counts: 1 for one of average weight, more for a lighter one. */
  #burdens: readonly number[] = [];
  #table = new AliasTable([]);

  constructor(dice: Dice, latency: LatencyAverage) {
    this.#dice = dice;
    this.#latency = latency;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#targets = targets;
    this.#burdens = weights.map((weight) => mean / weight);
    this.#table = new AliasTable(weights);
  }

  pick(): Target | undefined {
    const targets = this.#targets;
    if (targets.length < 2) return targets[0];
    const a = this.#table.draw(this.#dice);
    let b = this.#table.draw(this.#dice);
    if (b === a) b = this.#drawOther(a);
    const [first, second] = [targets[a] as Target, targets[b] as Target];
    // Nothing is known of one that is new: until its first call has ended, it gets one.
    const [isFirstNew, isSecondNew] = [first.latencyMs === 0, second.latencyMs === 0];
    if (isFirstNew) return first.running === 0 || (isSecondNew && second.running > 0) ? first : second;
    if (isSecondNew) return second.running === 0 ? second : first;
    const cost = first.latencyMs * (first.running * (this.#burdens[a] as number) + 1);
    const otherCost = second.latencyMs * (second.running * (this.#burdens[b] as number) + 1);
    return cost <= otherCost * this.#latency.fadedMore(first, second) ? first : second;
  }
  /** Two that differ, else the slowest would be taken whenever it is drawn twice. Where one has nearly all the weight, its neighbour. */
  #drawOther(place: number): number {
    for (let tries = 0; tries < MAX_DRAWS; tries++) {
      const other = this.#table.draw(this.#dice);
      if (other !== place) return other;
    }
    return (place + 1) % this.#targets.length;
  }
}
