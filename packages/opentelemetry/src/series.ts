import type { Attributes, BatchObservableResult, Observable } from '@opentelemetry/api';

/** The values of one gauge, by their labels. */
export interface Series {
  /** To be told next. */
  add(labels: Attributes, value: number): void;
  /** Tells what was added, and 0 where the last time had something and this one has nothing. */
  tell(result: BatchObservableResult): void;
}

/**
 * Gathers the values of a gauge for a look at it.
 *
 * Those with the same labels are joined: several services may all be `other`, and a gauge keeps the last value only. What is gone is told as
 * 0 once, as the SDK for Node goes on telling the last value of labels that nobody mentions.
 */
export function series(gauge: Observable, join: (a: number, b: number) => number): Series {
  let before = new Map<string, Value>();
  let now = new Map<string, Value>();
  return {
    add: (labels, value) => {
      const name = Object.values(labels).join('\n');
      const known = now.get(name);
      now.set(name, { labels, value: known ? join(known.value, value) : value });
    },
    tell: (result) => {
      for (const { labels, value } of now.values()) result.observe(gauge, value, labels);
      for (const [name, { labels }] of before) if (!now.has(name)) result.observe(gauge, 0, labels);
      before = now;
      now = new Map();
    },
  };
}

/** The sums of a counter, by their labels. */
export interface Totals {
  /** @param source the same object for the same count. @param count from its beginning to now. */
  add(source: object, labels: Attributes, count: number): void;
  tell(result: BatchObservableResult): void;
}

/**
 * Adds up what several sources have counted, for a look at it. A source that is gone takes nothing away from the sum:
 * what is told of a counter never falls.
 */
export function totals(counter: Observable): Totals {
  const sums = new Map<string, Value>();
  let before = new Map<object, number>();
  let now = new Map<object, number>();
  return {
    add: (source, labels, count) => {
      const last = before.get(source) ?? 0;
      now.set(source, count);
      const name = Object.values(labels).join('\n');
      const known = sums.get(name)?.value ?? 0;
      sums.set(name, { labels, value: known + count - last });
    },
    tell: (result) => {
      for (const { labels, value } of sums.values()) result.observe(counter, value, labels);
      before = now;
      now = new Map();
    },
  };
}

interface Value {
  readonly labels: Attributes;
  readonly value: number;
}

/** Joins by adding up. */
export function sum(a: number, b: number): number {
  return a + b;
}
