import { RegistryError } from '@rollcall/core';
import type { BatchOperation, ClassicLevel } from 'classic-level';

export type Database = ClassicLevel;
export type Write = BatchOperation<Database, string, string>;

interface Waiting {
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: RegistryError) => void;
}

/**
 * Writes to the disk, in order. What comes while a write is under way goes into the next one together, so that many
 * registrations share one `fsync`: each is on the disk when its promise resolves, all or nothing.
 */
export class WriteQueue {
  readonly #database: Database;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws {RegistryError} `UNAVAILABLE` when the disk refuses. */
  write(writes: readonly Write[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when everything that was asked for is written, or refused. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever else this turn of the event loop brings goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#database.batch(
          group.flatMap(({ writes }) => writes),
          { sync: true },
        );
        for (const { resolve } of group) resolve();
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const error = new RegistryError('UNAVAILABLE', `the store can't write to its folder: ${why}`, {
          cause,
        });
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = undefined;
  }
}
