import {
  invalidArgument,
  type Clock,
  identityOf,
  type InstanceKey,
  type InstanceStatus,
  type Random,
  sameAddress,
  type ServiceInstance,
  systemClock,
} from '@rollcall/core';
import { type EjectionOptions, Ejector } from './ejection.ts';
import { Dice } from './dice.ts';
import type { PickRequest, Policy } from './policy.ts';
import { type PolicyName, type PolicyOptions, policySource } from './policy-source.ts';
import type { LatencyAverage, MeasuredCall } from './latency-average.ts';
import { Pool } from './pool.ts';
import { checkRoutes, leadsTo, type Route, takes } from './routes.ts';
import { SlowStart, type SlowStartOptions } from './slow-start.ts';
import { subsetOf, type SubsetOptions } from './subset.ts';
import { Target } from './target.ts';
import { checkZone, type ZoneOptions } from './zones.ts';

export interface BalancerOptions {
  /** How one of the instances is chosen. Defaults to `p2c-ewma`. */
  readonly policy?: PolicyName | PolicyOptions;
  /** Instances of these statuses get calls. Defaults to `['UP']`. */
  readonly statuses?: readonly InstanceStatus[];
  /** Calls some of the instances only. Left out: all. */
  readonly subset?: SubsetOptions;
  /** Some calls to some instances. The first that takes a call has it; those that none takes go to instances that none leads to. */
  readonly routes?: readonly Route[];
  /** Prefers the instances of a zone. Left out: zones don't count. */
  readonly zone?: ZoneOptions;
  /** Gives new instances less at first. Left out: all of their share at once. */
  readonly slowStart?: SlowStartOptions;
  /** Gives those that fail no calls for a while. `false`: they get them all the same. */
  readonly ejection?: EjectionOptions | false;
  /**
   * When less than this part of the instances is neither ejected nor ill, all get calls: so many can't all be bad, or those
   * that are left could not bear it. 0 to 1. Defaults to 0.5, as in Envoy.
   */
  readonly panicThreshold?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** How a call ended. `ignored` says nothing of the instance: the caller gave up, or sent nonsense. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** One call's instance. */
export interface Pick {
  readonly instance: ServiceInstance;
  /** The answer begins now, and may take as long as it is long: what comes after doesn't count as latency. May be left out. */
  answered(): void;
  /**
   * To be called once, when the call has ended. What is called again does nothing; when it is never called, the call is
   * forgotten after some time. Don't keep the pick after it: it is used again.
   */
  done(outcome?: Outcome): void;
}

/** What a balancer makes of one instance at this moment. */
export interface InstanceReport {
  readonly instance: ServiceInstance;
  /** Calls under way. */
  readonly running: number;
  /** How much longer it is ejected, in milliseconds; 0: it isn't. Infinite while an active check says that it is ill. */
  readonly ejectedForMs: number;
  /** Its weight as it counts now: less in slow start, 0 while it gets none. */
  readonly weight: number;
  /** Peak moving average, in milliseconds; `undefined` before a call has ended, and with policies that don't measure. */
  readonly latencyMs: number | undefined;
}

interface Entry {
  readonly target: Target;
  /** As it counts now; 0 while it gets no calls. */
  weight: number;
}

/** A call that isn't done within two of these is forgotten, in milliseconds. */
const ERA_MS = 10 * 60_000;
/** How many picks may pass between two looks at the clock while nothing changes by time alone. */
const PICKS_PER_LOOK = 256;

const ANY: PickRequest = Object.freeze({});

/**
 * Chooses which instance of a service gets the next call.
 *
 * ```ts
 * const balancer = new Balancer({ policy: 'p2c-ewma' });
 * registry.service('user-service').subscribe(({ instances }) => balancer.update(instances));
 * const pick = balancer.pick();
 * ```
 *
 * A pick looks at nothing but memory and has no timer. What calls showed of an instance is kept while it is in the list.
 */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #statuses: ReadonlySet<InstanceStatus>;
  readonly #panicThreshold: number;
  readonly #slowStart: SlowStart | undefined;
  readonly #ejector: Ejector | undefined;
  readonly #latency: LatencyAverage | undefined;
  readonly #routes: readonly { readonly route: Route; readonly pool: Pool }[];
  readonly #hasRoutes: boolean;
  /** For calls that no route takes. */
  readonly #rest: Pool;
  /** Picks that are done, in a chain. */
  #free: Call | undefined;
  #entries = new Map<string, Entry>();
  /** Where all calls go by one policy: nearly always, and so the way to it is short. */
  #only: Policy | undefined;
  #isPanic = false;
  /** When something changes by time alone; infinite when nothing does. */
  #wakeAt = Number.POSITIVE_INFINITY;
  /** Counts down at each pick. */
  #picksToLook = PICKS_PER_LOOK;
  /** Where that began. */
  #picksGranted = PICKS_PER_LOOK;
  /** Before that. */
  #picksBefore = 0;
  #era = 0;
  #eraEndsAt: number;

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
  constructor(options: BalancerOptions = {}) {
    const { policy = 'p2c-ewma', statuses = ['UP'], panicThreshold = 0.5, routes = [], zone } = options;
    const { slowStart, ejection = {}, clock = systemClock, random } = options;
    const dice = new Dice(random);
    if (!(panicThreshold >= 0 && panicThreshold <= 1))
      throw invalidArgument('panicThreshold', 'must be 0 to 1');
    checkRoutes(routes);
    if (zone) checkZone(zone);
    if (options.subset) subsetOf([], (key: InstanceKey) => key, options.subset);
    const { create, latency } = policySource(policy, dice);
    const pool = () => new Pool(create, dice, zone);
    this.#options = options;
    this.#clock = clock;
    this.#dice = dice;
    this.#statuses = new Set(statuses);
    this.#panicThreshold = panicThreshold;
    this.#slowStart = slowStart && new SlowStart(slowStart);
    this.#ejector = ejection === false ? undefined : new Ejector(ejection, () => this.#rebuild());
    this.#latency = latency;
    this.#routes = routes.map((route) => ({ route, pool: pool() }));
    this.#hasRoutes = routes.length > 0;
    this.#rest = pool();
    this.#eraEndsAt = clock.now() + ERA_MS;
    this.#rebuild();
  }

  /** Whether so many are ejected that all get calls. */
  get isPanic(): boolean {
    return this.#isPanic;
  }

  /** Picks so far, with those that found nobody. */
  get picks(): number {
    return this.#picksBefore + this.#picksGranted - this.#picksToLook;
  }

  /** How often calls have shown that an instance is bad, so far. What an active check found is not counted. */
  get ejections(): number {
    return this.#ejector?.ejections ?? 0;
  }

  /** What it makes of each instance of the list. */
  get report(): readonly InstanceReport[] {
    const now = this.#look();
    return Array.from(this.#entries.values(), ({ target, weight }) => ({
      instance: target.instance,
      running: target.running,
      ejectedForMs: Math.max(0, target.record.ejectedUntil - now),
      weight,
      latencyMs: this.#latency && target.latencyMs > 0 ? this.#latency.of(target, now) : undefined,
    }));
  }

  /**
   * Replaces the list, as from a snapshot. An instance that was in it keeps what is known of it, unless its address changed.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a weight that can't be; the list is as it was.
   */
  update(instances: readonly ServiceInstance[]): void {
    for (const { id, weight } of instances)
      if (!(weight >= 0 && Number.isFinite(weight)))
        throw invalidArgument('weight', `of ${id} must be a number from 0, but it is ${String(weight)}`);
    const now = this.#clock.now();
    // Those of the first list have been there before us.
    const since = this.#entries.size === 0 ? Number.NEGATIVE_INFINITY : now;
    const entries = new Map<string, Entry>();
    for (const instance of instances) {
      const identity = identityOf(instance);
      const known = this.#entries.get(identity);
      if (known && sameAddress(known.target.instance, instance)) {
        known.target.instance = instance;
        entries.set(identity, known);
      } else entries.set(identity, { target: new Target(instance, since), weight: 0 });
    }
    this.#entries = entries;
    this.#ejector?.update(Array.from(entries.values(), ({ target }) => target.record));
    this.#rebuild();
  }

  /**
   * The instance of the next call; `undefined` when there is none that may be called.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a key that is no text.
   */
  pick(request: PickRequest = ANY): Pick | undefined {
    const target = this.#next(request);
    if (!target) return undefined;
    target.began();
    let call = this.#free;
    if (call) this.#free = call.next;
    else call = new Call(this.#ended, this.#clock);
    call.begin(target, this.#era);
    if (this.#latency) call.startedAt = this.#clock.now();
    return call;
  }

  /**
   * As {@link pick}, for callers that don't say how their calls end, such as one that hands out addresses: the instance alone. The call
   * is not counted as under way, so that policies which go by that don't know of it.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a key that is no text.
   */
  choose(request: PickRequest = ANY): ServiceInstance | undefined {
    return this.#next(request)?.instance;
  }

  /**
   * What an active check found. One that is ill gets no calls until it is said to be well, whatever calls show; one that is well gets
   * them at once, though it was ejected. Nothing happens where the list doesn't have it.
   */
  setHealth(key: InstanceKey, isWell: boolean): void {
    const entry = this.#entries.get(identityOf(key));
    if (!entry) return;
    const { record } = entry.target;
    const now = this.#clock.now();
    if (!isWell && record.ejectedUntil !== Number.POSITIVE_INFINITY) {
      record.ejectedUntil = Number.POSITIVE_INFINITY;
      this.#rebuild();
    }
    if (isWell && record.ejectedUntil > now) {
      record.failuresInRow = 0;
      record.ejectedUntil = now;
      this.#rebuild();
    }
  }

  readonly #ended = (call: Call, outcome: Outcome): void => {
    const { target } = call;
    const eras = this.#era - call.era;
    if (eras <= 1) target.ended(eras === 1);
    call.next = this.#free;
    this.#free = call;
    if (outcome === 'ignored' || (!this.#latency && !this.#ejector)) return;
    const now = this.#clock.now();
    const isFailure = outcome === 'failure';
    this.#latency?.observe(call, isFailure, now);
    this.#ejector?.ended(target.record, isFailure, now);
  };

  #next(request: PickRequest): Target | undefined {
    if (--this.#picksToLook <= 0) this.#look();
    const only = this.#only;
    if (only && request.avoid === undefined) return only.pick(request);
    const pool = this.#hasRoutes ? this.#poolFor(request) : this.#rest;
    const target = pool?.pick(request);
    const { avoid } = request;
    if (avoid === undefined || !target || !avoid.includes(target.instance)) return target;
    return pool?.pickOther(avoid) ?? target;
  }

  #poolFor(request: PickRequest): Pool | undefined {
    for (const { route, pool } of this.#routes) {
      if (!takes(route, request, this.#dice)) continue;
      if (!pool.isEmpty) return pool;
      if (route.otherwise === 'fail') return undefined;
    }
    return this.#rest;
  }

  /** Sees what has changed by time alone. */
  #look(): number {
    const now = this.#clock.now();
    if (now >= this.#eraEndsAt) {
      this.#era++;
      this.#eraEndsAt = now + ERA_MS;
      for (const { target } of this.#entries.values()) target.forget();
    }
    if (now >= this.#wakeAt) this.#rebuild();
    this.#grant(this.#wakeAt === Number.POSITIVE_INFINITY ? PICKS_PER_LOOK : 1);
    return now;
  }

  /** So many picks may pass until the clock is looked at. */
  #grant(picks: number): void {
    this.#picksBefore = this.picks;
    this.#picksGranted = picks;
    this.#picksToLook = picks;
  }

  /** Works out anew who gets calls, and with which weight. */
  #rebuild(): void {
    const now = this.#clock.now();
    const { subset } = this.#options;
    const listed: Entry[] = [];
    for (const entry of this.#entries.values()) {
      entry.weight = 0;
      const { target } = entry;
      const { record } = target;
      if (record.ejectedUntil !== 0 && record.ejectedUntil <= now) {
        record.ejectedUntil = 0;
        target.since = now;
      }
      if (this.#statuses.has(target.instance.status) && target.instance.weight > 0) listed.push(entry);
    }
    const chosen = subset ? subsetOf(listed, ({ target }) => target.instance, subset) : listed;
    const healthy = chosen.filter(({ target }) => target.record.ejectedUntil === 0);
    this.#isPanic = healthy.length < chosen.length * this.#panicThreshold;
    const used = this.#isPanic ? chosen : healthy;
    for (const entry of used) {
      const { target } = entry;
      entry.weight = target.instance.weight * (this.#slowStart?.shareAt(now - target.since) ?? 1);
    }
    const others = used.filter(({ target }) =>
      this.#routes.every(({ route }) => !leadsTo(route, target.instance)),
    );
    for (const { route, pool } of this.#routes)
      fill(
        pool,
        used.filter(({ target }) => leadsTo(route, target.instance)),
      );
    fill(this.#rest, others.length > 0 ? others : used);
    this.#only = this.#hasRoutes ? undefined : this.#rest.only;
    this.#wakeAt = this.#nextChange(now);
    this.#grant(1);
  }

  #nextChange(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { target, weight } of this.#entries.values()) {
      const { record } = target;
      if (record.ejectedUntil > now) next = Math.min(next, record.ejectedUntil);
      if (weight > 0 && this.#slowStart)
        next = Math.min(next, now + this.#slowStart.nextRiseMs(now - target.since));
    }
    return next;
  }
}

/** A pick. It is used again when it is done, so that picking makes no garbage. */
class Call implements Pick, MeasuredCall {
  readonly #onEnd: (call: Call, outcome: Outcome) => void;
  readonly #clock: Clock;
  #isOpen = false;
  /** In the chain of those that are done. */
  next: Call | undefined;
  target!: Target;
  instance!: ServiceInstance;
  era = 0;
  /** 0 where nobody wants to know. */
  startedAt = 0;
  answeredAt = 0;

  constructor(onEnd: (call: Call, outcome: Outcome) => void, clock: Clock) {
    this.#onEnd = onEnd;
    this.#clock = clock;
  }

  begin(target: Target, era: number): void {
    this.target = target;
    this.instance = target.instance;
    this.era = era;
    this.answeredAt = 0;
    this.#isOpen = true;
  }

  answered(): void {
    if (this.#isOpen) this.answeredAt = this.#clock.now();
  }

  done(outcome: Outcome = 'success'): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onEnd(this, outcome);
  }
}

function fill(pool: Pool, entries: readonly Entry[]): void {
  pool.update(
    entries.map(({ target }) => target),
    entries.map(({ weight }) => weight),
  );
}
