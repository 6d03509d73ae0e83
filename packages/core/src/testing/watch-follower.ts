import type { WatchEvent } from '../adapter.ts';
import type { ServiceInstance } from '../instance.ts';

/** Follows one watch of an adapter, and knows what a reader of it would believe now. */
export class WatchFollower {
  /** Every item, in order. */
  readonly events: WatchEvent[] = [];
  /** By id. */
  readonly known = new Map<string, ServiceInstance>();
  /** Settles when the watch has ended, with the error that it ended by. */
  readonly ended: Promise<unknown>;
  readonly #stop = new AbortController();

  /** @param watch begins the watch: `(signal) => adapter.watch(key, { signal })`. */
  constructor(watch: (signal: AbortSignal) => AsyncIterable<WatchEvent>) {
    this.ended = this.#follow(watch).catch((error: unknown) => error);
  }

  /** Aborts the watch, and waits for its end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  async #follow(watch: (signal: AbortSignal) => AsyncIterable<WatchEvent>): Promise<void> {
    for await (const event of watch(this.#stop.signal)) {
      this.events.push(event);
      if (event.kind === 'list') this.known.clear();
      for (const each of event.kind === 'list' ? event.instances : event.put) this.known.set(each.id, each);
      if (event.kind === 'delta') for (const id of event.removed) this.known.delete(id);
    }
  }
}
