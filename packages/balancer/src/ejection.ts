import { invalidArgument } from '@rollcall/core';
import type { Record } from './record.ts';

/** When an instance that answers badly gets no calls for a while. `false` turns a rule off. */
export interface EjectionOptions {
  /** So many failures in a row. Defaults to 5, as in Envoy. */
  readonly consecutiveFailures?: number | false;
  /** Fewer successes than the others by a statistical measure. */
  readonly successRate?: SuccessRateOptions | false;
  /** More failures than a fixed part. */
  readonly failurePercentage?: FailurePercentageOptions | false;
  /** How often rates are looked at, in milliseconds. Defaults to 5 000; in Envoy 10 000. */
  readonly intervalMs?: number;
  /** How long the first ejection lasts, in milliseconds; each further one so much longer. Defaults to 30 000, as in Envoy. */
  readonly baseMs?: number;
  /** The longest that one lasts, in milliseconds. Defaults to 300 000, as in Envoy. */
  readonly maxMs?: number;
  /**
   * The largest part of the instances that is ejected at the same time, 0 to 1. One can always be. Defaults to 0.5; in Envoy
   * 0.1, by which none of nine can be.
   */
  readonly maxShare?: number;
}

export interface SuccessRateOptions {
  /** How many standard deviations below the mean. Defaults to 1.9, as in Envoy. */
  readonly stdevFactor?: number;
  /** Instances with enough calls that it takes to compare. Defaults to 5, as in Envoy. */
  readonly minInstances?: number;
  /** Calls in an interval that one must have had. Defaults to 20; in Envoy 100. */
  readonly minCalls?: number;
}

export interface FailurePercentageOptions {
  /** 0 to 100. Defaults to 50; in Envoy 85. */
  readonly threshold?: number;
  /** As with the success rate. Defaults to 1: a lone instance is judged too; in Envoy 5. */
  readonly minInstances?: number;
  /** Calls in an interval that one must have had. Defaults to 20; in Envoy 50. */
  readonly minCalls?: number;
}

interface Rules {
  readonly consecutiveFailures: number;
  readonly successRate: Required<SuccessRateOptions> | undefined;
  readonly failurePercentage: Required<FailurePercentageOptions> | undefined;
  readonly intervalMs: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly maxShare: number;
}

/**
 * Outlier detection as in Envoy (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier) and gRFC A50
 * (https://github.com/grpc/proposal/blob/master/A50-xds-outlier-detection.md): who fails more than others gets no calls, each time for longer.
 */
export class Ejector {
  /** So far. */
  ejections = 0;
  readonly #rules: Rules;
  readonly #onChange: () => void;
  #records: readonly Record[] = [];
  #sweepAt = 0;

  /**
   * @param onChange called when somebody was ejected.
   * @throws {RegistryError} `INVALID_ARGUMENT`
   */
  constructor(options: EjectionOptions, onChange: () => void) {
    this.#rules = rulesOf(options);
    this.#onChange = onChange;
  }

  /** All that there are. */
  update(records: readonly Record[]): void {
    this.#records = records;
  }

  ended(record: Record, isFailure: boolean, now: number): void {
    if (isFailure) {
      record.failures++;
      if (++record.failuresInRow >= this.#rules.consecutiveFailures) {
        record.failuresInRow = 0;
        this.#eject(record, now);
      }
    } else {
      record.successes++;
      record.failuresInRow = 0;
    }
    if (now >= this.#sweepAt) this.#sweep(now);
  }

  #sweep(now: number): void {
    const isFirst = this.#sweepAt === 0;
    this.#sweepAt = now + this.#rules.intervalMs;
    if (isFirst) return;
    for (const record of this.#outliers()) this.#eject(record, now);
    for (const record of this.#records) {
      record.successes = 0;
      record.failures = 0;
      if (record.ejectedUntil <= now && record.ejections > 0) record.ejections--;
    }
  }

  #outliers(): ReadonlySet<Record> {
    const { successRate, failurePercentage } = this.#rules;
    const outliers = new Set<Record>();
    if (successRate) {
      const judged = this.#withCalls(successRate.minCalls);
      if (judged.length >= successRate.minInstances) {
        const rates = judged.map(rateOf);
        const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
        const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
        const least = mean - Math.sqrt(variance) * successRate.stdevFactor;
        for (const record of judged) if (rateOf(record) < least) outliers.add(record);
      }
    }
    if (failurePercentage) {
      const judged = this.#withCalls(failurePercentage.minCalls);
      if (judged.length >= failurePercentage.minInstances)
        for (const record of judged)
          if ((1 - rateOf(record)) * 100 >= failurePercentage.threshold) outliers.add(record);
    }
    return outliers;
  }

  #withCalls(count: number): readonly Record[] {
    return this.#records.filter(({ successes, failures }) => successes + failures >= count);
  }

  #eject(record: Record, now: number): void {
    if (record.ejectedUntil > now) return;
    const ejected = this.#records.filter(({ ejectedUntil }) => ejectedUntil > now).length;
    const { maxShare, baseMs, maxMs } = this.#rules;
    if (ejected >= Math.max(1, Math.floor(this.#records.length * maxShare))) return;
    this.ejections++;
    record.ejections++;
    record.ejectedUntil = now + Math.min(maxMs, baseMs * record.ejections);
    this.#onChange();
  }
}

function rateOf({ successes, failures }: Record): number {
  return successes / (successes + failures);
}

function rulesOf({
  consecutiveFailures = 5,
  successRate = {},
  failurePercentage = {},
  intervalMs = 5_000,
  baseMs = 30_000,
  maxMs = 300_000,
  maxShare = 0.5,
}: EjectionOptions): Rules {
  const rules: Rules = {
    consecutiveFailures: consecutiveFailures === false ? Number.POSITIVE_INFINITY : consecutiveFailures,
    successRate:
      successRate === false ? undefined : { stdevFactor: 1.9, minInstances: 5, minCalls: 20, ...successRate },
    failurePercentage:
      failurePercentage === false
        ? undefined
        : { threshold: 50, minInstances: 1, minCalls: 20, ...failurePercentage },
    intervalMs,
    baseMs,
    maxMs,
    maxShare,
  };
  const isCount = (value: number) => value >= 1;
  check('consecutiveFailures', isCount(rules.consecutiveFailures), 'must be a number from 1, or false');
  check('intervalMs', intervalMs > 0, 'must be above 0');
  check('baseMs', baseMs > 0, 'must be above 0');
  check('maxMs', maxMs >= baseMs, 'must not be below baseMs');
  check('maxShare', maxShare >= 0 && maxShare <= 1, 'must be 0 to 1');
  if (rules.successRate) {
    check('successRate.stdevFactor', rules.successRate.stdevFactor > 0, 'must be above 0');
    check('successRate.minInstances', isCount(rules.successRate.minInstances), 'must be a number from 1');
    check('successRate.minCalls', isCount(rules.successRate.minCalls), 'must be a number from 1');
  }
  if (rules.failurePercentage) {
    const { threshold, minInstances, minCalls } = rules.failurePercentage;
    check('failurePercentage.threshold', threshold > 0 && threshold <= 100, 'must be above 0, to 100');
    check('failurePercentage.minInstances', isCount(minInstances), 'must be a number from 1');
    check('failurePercentage.minCalls', isCount(minCalls), 'must be a number from 1');
  }
  return rules;
}

function check(field: string, isGood: boolean, problem: string): void {
  if (!isGood) throw invalidArgument(`ejection.${field}`, problem);
}
