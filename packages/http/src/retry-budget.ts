import type { Clock } from '@rollcall/core';

export interface RetryBudgetOptions {
  /** Of the calls of the last ten seconds, how many more may be made as retries: 0.2 is one for five. Defaults to 0.2. */
  readonly ratio?: number;
  /** So many retries a second are allowed to a service that is seldom called. Defaults to 10. */
  readonly perSecond?: number;
}

const WINDOW_MS = 10_000;
const BUCKETS = 10;
const BUCKET_MS = WINDOW_MS / BUCKETS;

/**
 * How many calls may be tried again, so that retries never become the load that keeps a service down. As in Finagle: a share of
 * the calls of the last ten seconds, and a little for those that make few
 * (https://twitter.github.io/finagle/guide/Clients.html#retry-budget).
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #ratio: number;
  readonly #reserve: number;
  /** For each second of the window what calls brought in, and retries took out. */
  readonly #buckets = new Float64Array(BUCKETS);
  #balance: number;
  #turn: number;

  constructor({ ratio = 0.2, perSecond = 10 }: RetryBudgetOptions, clock: Clock) {
    this.#clock = clock;
    this.#ratio = ratio;
    this.#reserve = (perSecond * WINDOW_MS) / 1_000;
    this.#balance = this.#reserve;
    this.#turn = this.#now();
  }

  /** A call is made: it pays in. */
  deposit(): void {
    this.#add(this.#ratio);
  }

  /** Whether there may be a retry, which is then taken. */
  withdraw(): boolean {
    this.#pass();
    if (this.#balance < 1) return false;
    this.#add(-1);
    return true;
  }

  #add(amount: number): void {
    this.#pass();
    const place = this.#turn % BUCKETS;
    this.#buckets[place] = (this.#buckets[place] as number) + amount;
    this.#balance += amount;
  }

  /** Forgets what is older than the window. */
  #pass(): void {
    const turn = this.#now();
    if (turn === this.#turn) return;
    for (let passed = this.#turn + 1; passed <= Math.min(turn, this.#turn + BUCKETS); passed++)
      this.#buckets[passed % BUCKETS] = 0;
    this.#turn = turn;
    this.#balance = this.#buckets.reduce((sum, amount) => sum + amount, this.#reserve);
  }

  #now(): number {
    return Math.floor(this.#clock.now() / BUCKET_MS);
  }
}
