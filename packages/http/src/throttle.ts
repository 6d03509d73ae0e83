import type { Clock, Random } from '@rollcall/core';

export interface ThrottleOptions {
  /** How many calls are made for each that is taken: 2 lets a service refuse half of them. From 1 on. Defaults to 2. */
  readonly k?: number;
  /** The time that is looked back on, in milliseconds. Defaults to 120 000. */
  readonly windowMs?: number;
}

const BUCKETS = 24;

/**
 * Client-side throttling: the more of its calls a service refuses, the fewer are made, and the rest fails here at once. A call is
 * held back with the probability max(0, (requests − K · accepts) ÷ (requests + 1)), of the last two minutes
 * (Site Reliability Engineering, O'Reilly 2016, chapter 21, "Client-Side Throttling":
 * https://sre.google/sre-book/handling-overload/). One that is held back counts as a request, too.
 */
export class Throttle {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #k: number;
  readonly #bucketMs: number;
  readonly #requests = new Uint32Array(BUCKETS);
  readonly #accepts = new Uint32Array(BUCKETS);
  #turn: number;

  constructor({ k = 2, windowMs = 120_000 }: ThrottleOptions, clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#k = k;
    this.#bucketMs = windowMs / BUCKETS;
    this.#turn = this.#now();
  }

  /** The probability that the next call is held back, 0 to 1. */
  get rejects(): number {
    this.#pass();
    const [requests, accepts] = [sum(this.#requests), sum(this.#accepts)];
    return Math.max(0, (requests - this.#k * accepts) / (requests + 1));
  }

  /** Whether the next call may be made. */
  allows(): boolean {
    const { rejects } = this;
    this.#count(this.#requests);
    return rejects === 0 || this.#random() >= rejects;
  }

  /** The service took a call, whatever became of it. */
  accepted(): void {
    this.#pass();
    this.#count(this.#accepts);
  }

  #count(counts: Uint32Array): void {
    const place = this.#turn % BUCKETS;
    counts[place] = (counts[place] as number) + 1;
  }

  #pass(): void {
    const turn = this.#now();
    for (let passed = this.#turn + 1; passed <= Math.min(turn, this.#turn + BUCKETS); passed++) {
      this.#requests[passed % BUCKETS] = 0;
      this.#accepts[passed % BUCKETS] = 0;
    }
    this.#turn = turn;
  }

  #now(): number {
    return Math.floor(this.#clock.now() / this.#bucketMs);
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
