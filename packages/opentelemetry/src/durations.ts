import type { Attributes, Histogram, Meter, MetricOptions } from '@opentelemetry/api';
import { DURATION_BUCKETS } from './conventions.ts';
import type { Tally } from './tally.ts';

/** So many wait at most. */
const BATCH = 256;

/**
 * A histogram of durations in seconds. The SDK is given many at a time, and all that wait when it collects: one by one, each would find the SDK's
 * code gone from the processor's caches.
 */
export class Durations {
  readonly #histogram: Histogram;
  readonly #seconds: number[] = [];
  readonly #labels: Attributes[] = [];

  /** @param collected is asked for whenever the SDK collects. */
  constructor(meter: Meter, name: string, options: MetricOptions, collected: Tally) {
    const advice = { explicitBucketBoundaries: DURATION_BUCKETS };
    this.#histogram = meter.createHistogram(name, { unit: 's', advice, ...options });
    collected.before(() => this.#tell());
  }

  record(seconds: number, labels: Attributes): void {
    this.#seconds.push(seconds);
    this.#labels.push(labels);
    if (this.#seconds.length >= BATCH) this.#tell();
  }

  #tell(): void {
    for (const [i, seconds] of this.#seconds.entries()) this.#histogram.record(seconds, this.#labels[i]);
    this.#seconds.length = 0;
    this.#labels.length = 0;
  }
}
