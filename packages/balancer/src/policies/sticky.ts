import { invalidArgument } from '@rollcall/core';
import type { PickRequest, Policy } from '../policy.ts';
import type { Target } from '../target.ts';

export interface StickyOptions {
  /** How many keys are remembered; the one that wasn't used for longest goes first. Defaults to 10 000. */
  readonly maxKeys?: number;
}

/** A key and where it stays, in a ring of all by their last use. */
interface Kept {
  readonly key: string;
  target: Target | undefined;
  older: Kept;
  newer: Kept;
}

/**
 * A key stays with the instance that it got first, as long as that is there: what another policy picks once is kept. Unlike
 * `consistent-hash` no key ever moves when instances come; but another caller may have given the key to another instance. A call
 * without a key is picked by the other policy.
 */
export class Sticky implements Policy {
  readonly #inner: Policy;
  readonly #maxKeys: number;
  readonly #kept = new Map<string, Kept>();
  /** Stands between the newest and the oldest. */
  readonly #ends = alone('');
  #targets: ReadonlySet<Target> = new Set();

  /** @throws {RegistryError} `INVALID_ARGUMENT` */
  constructor(inner: Policy, { maxKeys = 10_000 }: StickyOptions) {
    if (!(maxKeys >= 1)) throw invalidArgument('policy.maxKeys', 'must be a number from 1');
    this.#inner = inner;
    this.#maxKeys = maxKeys;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    this.#targets = new Set(targets);
    this.#inner.update(targets, weights);
  }

  pick(request: PickRequest): Target | undefined {
    const { key } = request;
    if (key === undefined) return this.#inner.pick(request);
    if (typeof key !== 'string') throw invalidArgument('key', 'must be a string');
    const known = this.#kept.get(key);
    if (known) takeOut(known);
    const target =
      known?.target && this.#targets.has(known.target) ? known.target : this.#inner.pick(request);
    if (!target) {
      this.#kept.delete(key);
      return undefined;
    }
    const kept = known ?? this.#keep(key);
    kept.target = target;
    putBefore(this.#ends, kept);
    return target;
  }

  close(): void {
    this.#inner.close?.();
  }

  #keep(key: string): Kept {
    if (this.#kept.size >= this.#maxKeys) {
      const oldest = this.#ends.newer;
      takeOut(oldest);
      this.#kept.delete(oldest.key);
    }
    const kept = alone(key);
    this.#kept.set(key, kept);
    return kept;
  }
}

function alone(key: string): Kept {
  const kept = { key, target: undefined } as Partial<Kept> as Kept;
  kept.older = kept;
  kept.newer = kept;
  return kept;
}

function takeOut({ older, newer }: Kept): void {
  older.newer = newer;
  newer.older = older;
}

function putBefore(ends: Kept, kept: Kept): void {
  kept.newer = ends;
  kept.older = ends.older;
  kept.older.newer = kept;
  ends.older = kept;
}
