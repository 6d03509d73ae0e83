import type { Clock, Random } from '@rollcall/core';
import { ConcurrencyLimiter, type ConcurrencyLimiterOptions } from '../../src/index.ts';

interface Job {
  readonly cameAt: number;
  readonly end: () => void;
}

/** What a stretch of time was like. */
export interface Stretch {
  readonly offeredPerS: number;
  readonly donePerS: number;
  readonly shedPerS: number;
  /** Of what was done. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly limit: { readonly least: number; readonly most: number; readonly mean: number };
}

/**
 * A server behind a limiter, in simulated time: `workers` jobs at once, the others stand in a queue, first come, first served. Each takes
 * `serviceMs` in the mean, exponentially distributed, and so do the times between arrivals: a queue M/M/c.
 */
export class SimulatedServer {
  readonly limiter: ConcurrencyLimiter;
  workers: number;
  serviceMs: number;
  readonly #random: Random;
  readonly #events: { at: number; run: () => void }[] = [];
  readonly #queue: Job[] = [];
  #busy = 0;
  #now = 0;
  #latencies: number[] = [];
  #limits: number[] = [];

  constructor(options: {
    readonly workers: number;
    readonly serviceMs: number;
    readonly random: Random;
    readonly limiter?: ConcurrencyLimiterOptions;
  }) {
    this.workers = options.workers;
    this.serviceMs = options.serviceMs;
    this.#random = options.random;
    const clock: Clock = { now: () => this.#now, wallNow: () => this.#now, after: () => () => {} };
    this.limiter = new ConcurrencyLimiter({ ...options.limiter, clock });
  }

  /** So many requests a second, in the mean, for a while. */
  run(perS: number, forMs: number): Stretch {
    const end = this.#now + forMs;
    const before = this.limiter.numbers;
    this.#latencies = [];
    this.#limits = [];
    const arrive = (): void => {
      this.#arrive();
      this.#at(this.#now + this.#exponential(1_000 / perS), arrive);
    };
    this.#at(this.#now + this.#exponential(1_000 / perS), arrive);
    for (let next = this.#events[0]; next && next.at <= end; next = this.#events[0]) {
      this.#events.shift();
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
    // The next stretch has arrivals of its own.
    const left = this.#events.filter(({ run }) => run !== arrive);
    this.#events.splice(0, Infinity, ...left);
    const { shed, admitted } = this.limiter.numbers;
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const perSecond = (count: number) => (count / forMs) * 1_000;
    return {
      offeredPerS: perSecond(shed + admitted - before.shed - before.admitted),
      donePerS: perSecond(sorted.length),
      shedPerS: perSecond(shed - before.shed),
      medianMs: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
      limit: {
        least: this.#limits.reduce((a, b) => Math.min(a, b), Infinity),
        most: this.#limits.reduce((a, b) => Math.max(a, b), 0),
        mean: this.#limits.reduce((sum, limit) => sum + limit, 0) / this.#limits.length,
      },
    };
  }

  #arrive(): void {
    const ticket = this.limiter.enter();
    this.#limits.push(this.limiter.numbers.limit);
    if (!ticket) return;
    this.#queue.push({ cameAt: this.#now, end: () => ticket.done() });
    this.#work();
  }

  #work(): void {
    while (this.#busy < this.workers) {
      const job = this.#queue.shift();
      if (!job) return;
      this.#busy++;
      this.#at(this.#now + this.#exponential(this.serviceMs), () => {
        this.#busy--;
        this.#latencies.push(this.#now - job.cameAt);
        job.end();
        this.#work();
      });
    }
  }

  #exponential(mean: number): number {
    return -mean * Math.log(1 - this.#random());
  }

  /** Few events wait at a time: a sorted list does. */
  #at(at: number, run: () => void): void {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { at, run });
  }
}
