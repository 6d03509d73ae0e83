import { invalid } from '../invalid.ts';
import type { PickRequest, Policy } from '../policy.ts';
import type { Target } from '../target.ts';

export interface StickyOptions {
  /** How many keys are remembered; the one that wasn't used for longest goes first. Defaults to 10 000. */
  readonly maxKeys?: number;
}

/**
 * A key stays with the instance that it got first, as long as that is there: what another policy picks once is kept. Unlike
 * `consistent-hash` no key ever moves when instances come; but another caller may have given the key to another instance. A call
 * without a key is picked by the other policy.
 */
export class Sticky implements Policy {
  readonly #inner: Policy;
  readonly #maxKeys: number;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Target>();
  #targets: ReadonlySet<Target> = new Set();

  /** @throws {RegistryError} `INVALID_ARGUMENT` */
  constructor(inner: Policy, { maxKeys = 10_000 }: StickyOptions) {
    if (!(maxKeys >= 1)) throw invalid('policy.maxKeys', 'must be a number from 1');
    this.#inner = inner;
    this.#maxKeys = maxKeys;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    this.#targets = new Set(targets);
    this.#inner.update(targets, weights);
  }

  pick(request: PickRequest, now: number): Target | undefined {
    const { key } = request;
    if (key === undefined) return this.#inner.pick(request, now);
    if (typeof key !== 'string') throw invalid('key', 'must be a string');
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const target = kept && this.#targets.has(kept) ? kept : this.#inner.pick(request, now);
    if (!target) return undefined;
    this.#kept.set(key, target);
    if (this.#kept.size > this.#maxKeys) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    return target;
  }

  close(): void {
    this.#inner.close?.();
  }
}
