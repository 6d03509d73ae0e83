import type { ServiceInstance } from '@rollcall/core';
import { type Dice, SIDES } from './dice.ts';
import type { PickRequest, Policy } from './policy.ts';
import type { Target } from './target.ts';
import { MIN_INSTANCES, type ZoneOptions, zoneShares } from './zones.ts';

interface ZonePart {
  readonly policy: Policy;
  /** A call goes here when its point is below; the last one is 1. */
  readonly upTo: number;
}

/** Targets that are picked from together, by zones where these count. */
export class Pool {
  readonly #create: () => Policy;
  readonly #dice: Dice;
  readonly #zone: ZoneOptions | undefined;
  /** Kept from list to list, each with its place. */
  #policies = new Map<string, Policy>();
  #parts: readonly ZonePart[] = [];
  /** The policy of the one part, where there is one: nearly always. */
  only: Policy | undefined;
  #targets: readonly Target[] = [];
  #weights: readonly number[] = [];

  constructor(create: () => Policy, dice: Dice, zone: ZoneOptions | undefined) {
    this.#create = create;
    this.#dice = dice;
    this.#zone = zone;
  }

  get isEmpty(): boolean {
    return this.#targets.length === 0;
  }

  update(targets: readonly Target[], weights: readonly number[]): void {
    this.#targets = targets;
    this.#weights = weights;
    const shares = this.#shares(targets, weights);
    const used = new Map<string, Policy>();
    const parts: ZonePart[] = [];
    let upTo = 0;
    for (const { zone, share } of shares ?? [{ zone: undefined, share: 1 }]) {
      const name = zone === undefined ? ALL : `zone ${zone}`;
      const policy = this.#policies.get(name) ?? this.#create();
      const places = [...targets.keys()];
      const mine = zone === undefined ? places : places.filter((i) => targets[i]?.instance.zone === zone);
      policy.update(
        mine.map((i) => targets[i] as Target),
        mine.map((i) => weights[i] as number),
      );
      used.set(name, policy);
      upTo += share;
      parts.push({ policy, upTo });
    }
    for (const [name, policy] of this.#policies) if (!used.has(name)) policy.close?.();
    this.#policies = used;
    this.#parts = parts;
    this.only = parts.length === 1 ? parts[0]?.policy : undefined;
  }

  pick(request: PickRequest): Target | undefined {
    if (this.only) return this.only.pick(request);
    const parts = this.#parts;
    const point = this.#dice.throw() / SIDES;
    let i = 0;
    while (i < parts.length - 1 && point >= (parts[i] as ZonePart).upTo) i++;
    return parts[i]?.policy.pick(request);
  }

  /** One that isn't to be avoided, of those the least busy for its weight; `undefined` when there is none. */
  pickOther(avoid: readonly ServiceInstance[]): Target | undefined {
    const { length } = this.#targets;
    let [best, bestLoad]: [Target | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
    // Not always the first among equals.
    const start = this.#dice.below(length);
    for (let i = 0; i < length; i++) {
      const place = (start + i) % length;
      const target = this.#targets[place] as Target;
      const load = (target.running + 1) / (this.#weights[place] as number);
      if (load >= bestLoad || avoid.includes(target.instance)) continue;
      [best, bestLoad] = [target, load];
    }
    return best;
  }

  close(): void {
    for (const policy of this.#policies.values()) policy.close?.();
  }

  #shares(targets: readonly Target[], weights: readonly number[]) {
    const { minInstances = MIN_INSTANCES } = this.#zone ?? {};
    if (!this.#zone || targets.length < minInstances) return undefined;
    const capacities = new Map<string, number>();
    for (const [i, { instance }] of targets.entries())
      if (instance.zone !== undefined)
        capacities.set(instance.zone, (capacities.get(instance.zone) ?? 0) + (weights[i] as number));
    return zoneShares(capacities, this.#zone);
  }
}

const ALL = 'all';
