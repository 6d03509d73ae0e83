import { systemClock } from '@rollcall/core';

/** What may take too long. It stands in a chain of those like it. */
export abstract class Bounded {
  /** Monotonic milliseconds. */
  deadlineAt = 0;
  before: Bounded | undefined;
  after: Bounded | undefined;

  /** It has taken too long. */
  abstract expire(): void;
}

/**
 * Deadlines of calls that all may take equally long, with one timer for all: the one that began first is the next to be late. A
 * timer of its own would be a tenth of what a call costs.
 */
export class Deadlines {
  readonly #timeoutMs: number;
  #first: Bounded | undefined;
  #last: Bounded | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(call: Bounded): void {
    call.before = this.#last;
    if (this.#last) this.#last.after = call;
    else this.#first = call;
    this.#last = call;
    if (!this.#timer) this.#timer = this.#wake(this.#timeoutMs);
  }

  /** Does nothing for one that isn't there. */
  delete(call: Bounded): void {
    const { before, after } = call;
    if (before) before.after = after;
    else if (this.#first === call) this.#first = after;
    else return;
    if (after) after.before = before;
    else this.#last = before;
    call.before = undefined;
    call.after = undefined;
  }

  /** A call that is under way holds the process by its connection. */
  #wake(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    this.#timer = undefined;
    const now = systemClock.now();
    for (let call = this.#first; call; call = this.#first) {
      if (call.deadlineAt > now) {
        this.#timer = this.#wake(Math.ceil(call.deadlineAt - now));
        return;
      }
      this.delete(call);
      call.expire();
    }
  }
}
