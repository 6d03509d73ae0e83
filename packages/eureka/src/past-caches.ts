import type { Clock } from '@rollcall/core';
import type { Entry } from './answer.ts';
import type { From } from './eureka-servers.ts';
import { lastOfEach, placeOf } from './mirror.ts';

export interface PastCachesOptions {
  readonly clock: Clock;
  /** How much older an answer may be that is given afterwards, in milliseconds. */
  readonly staleMs: number;
}

/**
 * What was read past a server's caches, for as long as an answer from them may be older: so nothing that has been told goes back, also not when
 * a watch begins anew.
 */
export class PastCaches {
  readonly #options: PastCachesOptions;
  /** By server and place, in the order in which they end. */
  readonly #read = new Map<string, From<Entry> & { readonly until: number }>();

  constructor(options: PastCachesOptions) {
    this.#options = options;
  }

  add(server: string, entries: readonly Entry[]): void {
    const { clock, staleMs } = this.#options;
    const until = clock.now() + staleMs;
    for (const value of entries) {
      const at = `${server} ${placeOf(value)}`;
      this.#read.delete(at);
      this.#read.set(at, { server, value, until });
    }
  }

  /** These changes, and what was read that is newer. */
  with({ server, value: entries }: From<readonly Entry[]>): readonly Entry[] {
    this.#forget();
    if (this.#read.size === 0) return entries;
    const last = lastOfEach(entries);
    const newer: Entry[] = [];
    for (const { server: of, value } of this.#read.values()) {
      if (of === server && (last.get(placeOf(value))?.updatedAt ?? 0) < value.updatedAt) newer.push(value);
    }
    return [...entries, ...newer];
  }

  #forget(): void {
    const now = this.#options.clock.now();
    for (const [at, { until }] of this.#read) {
      if (now < until) return;
      this.#read.delete(at);
    }
  }
}
