import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock } from '../clock.ts';

/** Changes come in bursts: after the first, this long is waited for more. In milliseconds. */
const BURST_MS = 10;

/**
 * Tells a watch when to look again. `fs.watch` may lose an event, may not exist on a file system, and may run into a
 * limit of the machine, so it only makes a look come sooner: the time that `wait` is given bounds it in any case.
 */
export class WakeUps {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #watcher: FSWatcher | undefined;
  #watched = '';
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    // Not left to the reader of the watch, who may never ask for the next item.
    signal.addEventListener('abort', () => this.close(), { once: true });
  }

  /**
   * Watches the first of these folders that exists. Call it before each look: the folder may have been made, or
   * removed and made again, since.
   */
  async follow(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const ino = await stat(path).then(
        (stats) => stats.ino,
        () => undefined,
      );
      if (ino === undefined) continue;
      const folder = `${ino}:${path}`;
      if (this.#signal.aborted || (this.#watcher && this.#watched === folder)) return;
      this.close();
      this.#watched = folder;
      this.#watcher = this.#start(path);
      return;
    }
  }

  /** Waits for a change, `ms` milliseconds or the signal, and says whether there was a change. */
  async wait(ms: number): Promise<boolean> {
    if (!this.#changed) await this.#pause(ms, true);
    if (!this.#changed) return false;
    await this.#pause(BURST_MS, false);
    this.#changed = false;
    return true;
  }

  /** Lets go of the `FSWatcher`. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #start(path: string): FSWatcher | undefined {
    try {
      const watcher = watch(path, () => this.#onChange());
      watcher.on('error', () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
        this.#onChange();
      });
      return watcher;
    } catch {
      // Removed just now, or the machine's limit of watches is reached: the bounded wait is enough.
      return undefined;
    }
  }

  #onChange(): void {
    this.#changed = true;
    this.#wake?.();
  }

  #pause(ms: number, untilChange: boolean): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#signal.removeEventListener('abort', end);
        this.#wake = undefined;
        resolve();
      };
      const cancel = this.#clock.after(ms, end);
      this.#signal.addEventListener('abort', end, { once: true });
      if (untilChange) this.#wake = end;
    });
  }
}
