/**
 * One attempt at something, joined by all who need its result while it is under way. It is given up when the last of
 * them has gone; it outlives any one of them.
 */
export class SharedAttempt<T> {
  readonly #start: (signal: AbortSignal) => Promise<T>;
  #running: Running<T> | undefined;

  constructor(start: (signal: AbortSignal) => Promise<T>) {
    this.#start = start;
  }

  /** Rejects with the signal's reason when it aborts first. */
  join(signal: AbortSignal): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const running = (this.#running ??= this.#begin());
    running.waiting++;
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener('abort', onAbort);
        running.waiting--;
      };
      const onAbort = () => {
        leave();
        if (running.waiting === 0) {
          this.#forget(running);
          running.controller.abort(signal.reason);
        }
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      running.promise.finally(leave).then(resolve, reject);
    });
  }

  #begin(): Running<T> {
    const controller = new AbortController();
    const running = { controller, promise: this.#start(controller.signal), waiting: 0 };
    running.promise.catch(() => {}).finally(() => this.#forget(running));
    return running;
  }

  #forget(running: Running<T>): void {
    if (this.#running === running) this.#running = undefined;
  }
}

interface Running<T> {
  readonly controller: AbortController;
  readonly promise: Promise<T>;
  waiting: number;
}
