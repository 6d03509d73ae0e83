import type { Attributes, Meter, MetricOptions } from '@opentelemetry/api';

/** Sums by their labels. */
export interface Tally {
  /** The sum of these labels, to be added to. The same object for the same labels. */
  of(labels: Attributes): Sum;
  /** Has `run` called whenever the SDK collects, before anything is told. */
  before(run: () => void): void;
}

export interface Sum {
  count: number;
}

/** The SDK keeps one value of a counter for the same labels: two who count beside each other would hide each other's. */
const tallies = new WeakMap<Meter, Map<string, Tally>>();

/**
 * A counter of what happens with each call or message. To count is an addition, and the SDK is told the sums when it collects: to tell it each
 * time would take a microsecond. All who ask for the same name share it.
 */
export function tally(meter: Meter, name: string, options: MetricOptions): Tally {
  const known = tallies.get(meter) ?? new Map<string, Tally>();
  tallies.set(meter, known);
  const made = known.get(name) ?? newTally(meter, name, options);
  known.set(name, made);
  return made;
}

function newTally(meter: Meter, name: string, options: MetricOptions): Tally {
  const sums = new Map<string, Sum & { readonly labels: Attributes }>();
  const first: (() => void)[] = [];
  meter.createObservableCounter(name, options).addCallback((result) => {
    for (const run of first) run();
    for (const { count, labels } of sums.values()) if (count > 0) result.observe(count, labels);
  });
  return {
    before: (run) => void first.push(run),
    of: (labels) => {
      const key = JSON.stringify(Object.entries(labels));
      const known = sums.get(key) ?? { count: 0, labels };
      sums.set(key, known);
      return known;
    },
  };
}
