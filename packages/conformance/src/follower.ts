import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceInstance, SkippedEntry, WatchEvent } from '@rollcall/core';
import { ABORT_MS } from './setting.ts';
import { eventually, settles } from './waiting.ts';

/** Follows a watch as the core does: applies each item to a map, and on demand starts it again when it ends. */
export class Follower {
  /** What the watch has told so far. */
  readonly instances = new Map<string, ServiceInstance>();
  readonly skipped = new Map<string, SkippedEntry>();
  /** Every item, in order. */
  readonly events: WatchEvent[] = [];
  /** Why each run ended, `undefined` for one that just stopped. */
  readonly endings: unknown[] = [];
  /** The first item of each run. */
  readonly firsts: WatchEvent[] = [];
  readonly #stop = new AbortController();
  readonly #restart: boolean;
  readonly #done: Promise<void>;
  #gate: Promise<unknown> = Promise.resolve();

  constructor(
    watch: (signal: AbortSignal) => AsyncIterable<WatchEvent>,
    life: AbortSignal,
    restart: boolean,
  ) {
    this.#restart = restart;
    this.#done = this.#run(watch, AbortSignal.any([life, this.#stop.signal]));
  }

  /** Waits until the look passes; fails at once when the watch ended and isn't started again. */
  async until(what: string, withinMs: number, look: () => void): Promise<void> {
    await eventually(`watch tells ${what}`, withinMs, () => {
      if (!this.#restart && this.endings.length > 0) {
        throw new Error(`the watch ended by itself: ${String(this.endings[0])}`, { cause: this.endings[0] });
      }
      look();
    });
  }

  /** Waits for the first item of the first run. */
  started(withinMs: number): Promise<void> {
    return this.until('its first item', withinMs, () => assert.ok(this.events.length > 0, 'no item came'));
  }

  /** Takes no further item until the function that it returns is called, as a slow reader. */
  pause(): () => void {
    const gate = new EventEmitter();
    this.#gate = once(gate, 'open');
    return () => gate.emit('open');
  }

  /** Aborts the watch, which must then end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await settles('a watch that was aborted', ABORT_MS, this.#done);
  }

  async #run(watch: (signal: AbortSignal) => AsyncIterable<WatchEvent>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let first = true;
      try {
        for await (const event of watch(signal)) {
          if (first) this.firsts.push(event);
          first = false;
          this.#apply(event);
          await this.#gate;
        }
        this.endings.push(undefined);
      } catch (error) {
        this.endings.push(error);
      }
      if (!this.#restart) return;
      await pause(20, undefined, { signal }).catch(() => {});
    }
  }

  #apply(event: WatchEvent): void {
    this.events.push(event);
    for (const entry of event.skipped) this.skipped.set(entry.key, entry);
    if (event.kind === 'list') {
      this.instances.clear();
      for (const instance of event.instances) this.instances.set(instance.id, instance);
    } else {
      for (const id of event.removed) this.instances.delete(id);
      for (const instance of event.put) this.instances.set(instance.id, instance);
    }
  }
}
