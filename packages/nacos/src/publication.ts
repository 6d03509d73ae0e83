import { abortError, RegistryError } from '@rollcall/core';
import type { Call } from './connection.ts';
import type { WireInstance } from './wire-instance.ts';

/** The instances of one service that stand on one connection, by id. */
export type Published = ReadonlyMap<string, WireInstance>;

interface Change {
  readonly id: string;
  /** `undefined`: it leaves. */
  readonly entry: WireInstance | undefined;
  readonly settle: (error?: unknown) => void;
}

/**
 * What a connection lists of one service. To Nacos that is one thing, which each request replaces as a whole: so changes go
 * one after another, and those that come while a request is under way go together with the next.
 */
export class Publication {
  readonly #send: (published: Published, call: Call) => Promise<void>;
  #published: Published = new Map();
  #waiting: Change[] = [];
  #isSending = false;

  /** @param send replaces what Nacos has. */
  constructor(send: (published: Published, call: Call) => Promise<void>) {
    this.#send = send;
  }

  has(id: string): boolean {
    return this.#published.has(id) || this.#waiting.some((change) => change.id === id) || this.#isSending;
  }

  /** Lists an entry, or takes it out. Rejects when Nacos doesn't take it; then what was listed stays listed. */
  change(id: string, entry: WireInstance | undefined, { doing, signal }: Call): Promise<void> {
    if (signal.aborted) return Promise.reject(abortError(signal, doing));
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((each) => each !== change);
        reject(abortError(signal, doing));
      };
      const change: Change = {
        id,
        entry,
        settle: (error) => {
          signal.removeEventListener('abort', onAbort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(change);
      void this.#work(doing);
    });
  }

  async #work(doing: string): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    // Those that are asked for at the same time go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const changes = this.#waiting;
      this.#waiting = [];
      // oxlint-disable-next-line no-await-in-loop -- the next request replaces what this one wrote
      await this.#apply(changes, doing);
    }
    this.#isSending = false;
  }

  async #apply(changes: readonly Change[], doing: string): Promise<void> {
    const next = new Map(this.#published);
    for (const { id, entry } of changes) {
      if (entry) next.set(id, entry);
      else next.delete(id);
    }
    try {
      await this.#send(next, { doing, signal: AbortSignal.timeout(SEND_MS) });
      this.#published = next;
      for (const { settle } of changes) settle();
    } catch (error) {
      if (changes.length === 1 || (error instanceof RegistryError && error.retryable)) {
        for (const { settle } of changes) settle(error);
        return;
      }
      // One that Nacos refuses must not take the others along.
      for (const change of changes) {
        // oxlint-disable-next-line no-await-in-loop -- as above
        await this.#apply([change], doing);
      }
    }
  }
}

/** The longest that a request may take, whose callers may all have gone meanwhile. */
const SEND_MS = 10_000;
