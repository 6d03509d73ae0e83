import { orAbort } from './deadline.ts';

/** Bounds how many of our calls are under way at once, first come, first served. */
export class Slots {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `run` once a slot is free; rejects with the signal's reason when it aborts before that. */
  async run<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await run();
    } finally {
      this.#give();
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const turn = new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      await orAbort(turn, signal);
    } catch (error) {
      // The slot may come all the same, later: pass it on.
      void turn.then(() => this.#give());
      throw error;
    }
  }

  #give(): void {
    const next = this.#queue.shift();
    if (next) next();
    else this.#free++;
  }
}
