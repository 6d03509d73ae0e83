import type { ServiceFetch } from '@rollcall/http';

/** So many orders are under way at any time. */
const CONCURRENCY = 20;

export interface LoadCounts {
  readonly requests: number;
  /** Requests that brought no confirmation of what was ordered, and why. */
  readonly failures: readonly string[];
  readonly byInstance: Readonly<Record<string, number>>;
}

/** Orders without a pause, by POST, which is never made twice once it was sent: nothing hides a failure. */
export class Load {
  readonly #fetch: ServiceFetch;
  readonly #failures: string[] = [];
  readonly #byInstance: Record<string, number> = {};
  readonly #lanes: Promise<void>[];
  #requests = 0;
  #isOver = false;

  constructor(fetch: ServiceFetch) {
    this.#fetch = fetch;
    this.#lanes = Array.from({ length: CONCURRENCY }, () => this.#lane());
  }

  get counts(): LoadCounts {
    return { requests: this.#requests, failures: this.#failures, byInstance: this.#byInstance };
  }

  /** Resolves when the last order is confirmed. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #lane(): Promise<void> {
    while (!this.#isOver) {
      const order = String(++this.#requests);
      try {
        // oxlint-disable-next-line no-await-in-loop -- a lane orders one thing after the other
        const instance = await this.#order(order);
        this.#byInstance[instance] = (this.#byInstance[instance] ?? 0) + 1;
      } catch (error) {
        this.#failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** @returns the instance that took it. */
  async #order(order: string): Promise<string> {
    const answer = await this.#fetch('http://order-service/orders', { method: 'POST', body: order });
    const text = await answer.text();
    const [instance = '', taken] = text.split(' took ');
    if (!answer.ok || taken !== order) throw new Error(`${answer.status}: ${text}`);
    return instance;
  }
}
