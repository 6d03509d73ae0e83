/** What may take too long. */
export interface Bounded {
  /** Monotonic milliseconds. */
  readonly deadlineAt: number;
  /** It has taken too long. */
  expire(): void;
}

/**
 * Deadlines of calls that all may take equally long, with one timer for all: the one that began first is the next to be late. A
 * timer of its own would be a tenth of what a call costs.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  readonly #open = new Set<Bounded>();
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(call: Bounded): void {
    this.#open.add(call);
    if (!this.#timer) this.#timer = this.#wake(this.#timeoutMs);
  }

  delete(call: Bounded): void {
    this.#open.delete(call);
  }

  /** A call that is under way holds the process by its connection. */
  #wake(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const call of this.#open) {
      if (call.deadlineAt > now) {
        this.#timer = this.#wake(Math.ceil(call.deadlineAt - now));
        return;
      }
      this.#open.delete(call);
      call.expire();
    }
  }
}
