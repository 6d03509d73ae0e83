import { invalidArgument } from '@rollcall/core';

export interface SlowStartOptions {
  /** How long an instance warms up after it was listed or put back, in milliseconds. */
  readonly windowMs: number;
  /** 1 (the default) gives it more in proportion to the time; above 1, more at the beginning. */
  readonly aggression?: number;
  /** The least part of its weight, 0 to 1. Defaults to 0.1. */
  readonly minShare?: number;
}

/** How finely the weight of one that warms up rises. */
const STEPS = 20;

/**
 * Slow start as in Envoy (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start):
 * an instance's weight is multiplied by max(minShare, (age / window)^(1 / aggression)), so that what must first fill its caches or compile
 * its code isn't given all of its share at once.
 */
export class SlowStart {
  readonly #options: Required<SlowStartOptions>;

  /** @throws {RegistryError} `INVALID_ARGUMENT` */
  constructor({ windowMs, aggression = 1, minShare = 0.1 }: SlowStartOptions) {
    if (!(windowMs > 0)) throw invalidArgument('slowStart.windowMs', 'must be above 0');
    if (!(aggression > 0)) throw invalidArgument('slowStart.aggression', 'must be above 0');
    if (!(minShare > 0 && minShare <= 1))
      throw invalidArgument('slowStart.minShare', 'must be above 0 and at most 1');
    this.#options = { windowMs, aggression, minShare };
  }

  /** What part of its weight one has at this age, in milliseconds. */
  shareAt(ageMs: number): number {
    const { windowMs, aggression, minShare } = this.#options;
    if (ageMs >= windowMs) return 1;
    const step = Math.floor((ageMs / windowMs) * STEPS) / STEPS;
    return Math.max(minShare, step ** (1 / aggression));
  }

  /** How long until it has more, in milliseconds; infinite when it has all. */
  nextRiseMs(ageMs: number): number {
    const { windowMs } = this.#options;
    if (ageMs >= windowMs) return Number.POSITIVE_INFINITY;
    const stepMs = windowMs / STEPS;
    return stepMs - (ageMs % stepMs);
  }
}
