import { createHash } from 'node:crypto';
import type { Principal } from '../contract.ts';

interface Entry {
  readonly principal: Principal;
  readonly expiresAt: number;
  readonly issuer: { readonly generation: number };
  /** The issuer's keys when it was verified: with others, it is verified again. */
  readonly generation: number;
}

/**
 * Tokens that were verified, until they expire: a signature costs some tens of microseconds to verify, and each client sends the same
 * token many times. Kept by SHA-256, so that no token stands in memory. Bounded: the one that was used longest ago goes first.
 */
export class TokenCache {
  readonly #max: number;
  readonly #entries = new Map<string, Entry>();

  constructor(max: number) {
    this.#max = max;
  }

  static keyOf(token: string): string {
    return createHash('sha256').update(token).digest('base64url');
  }

  get(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= now) return undefined;
    // A map keeps the order in which keys came.
    this.#entries.set(key, entry);
    return entry;
  }

  set(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#max) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
