import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MemoryStore,
  Registry,
  type Registration,
  type ServiceInstance,
  type Snapshot,
} from '@rollcall/core';
import { ManualClock, seededRandom } from '@rollcall/core/testing';
import { CALM, ChaosAdapter, type Chaos } from './support/chaos-adapter.ts';
import { listedIn, testConfig } from './support/rig.ts';

/*
 * Generated histories of failures, on a clock and a random source of the test: what must hold always.
 * `ROLLCALL_TEST_HISTORIES` sets how many are tried of each kind.
 */
const RUNS = Number(process.env['ROLLCALL_TEST_HISTORIES'] ?? 1000);

const SERVICE = 'user-service';

type Step =
  | { readonly do: 'register'; readonly n: number }
  | { readonly do: 'update'; readonly n: number; readonly weight: number }
  | { readonly do: 'deregister'; readonly n: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'outage' | 'recover' | 'wipe' | 'expire' | 'disconnect' }
  | { readonly do: 'operator-remove'; readonly n: number }
  | { readonly do: 'garbage'; readonly n: number }
  | { readonly do: 'chaos'; readonly chaos: Chaos };

const number = fc.nat({ max: 4 });
const chance = fc.constantFrom(0, 0, 0.1, 0.3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('register' as const), n: number }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('update' as const), n: number, weight: fc.nat({ max: 100 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deregister' as const), n: number }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 300 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 300, max: 40_000 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('outage', 'recover', 'wipe', 'expire', 'disconnect') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('operator-remove' as const), n: number }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('garbage' as const), n: number }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('chaos' as const),
      chaos: fc.record({
        fail: chance,
        loseAnswer: chance,
        hang: fc.constantFrom(0, 0, 0.1),
        lieEmpty: chance,
        delayMs: fc.constantFrom(0, 20, 200, 1_000),
      }),
    }),
  },
);

/** One process under test, the registry that it uses, and everything that a history does to the two. */
class History {
  readonly clock = new ManualClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly chaos: Chaos = { ...CALM };
  readonly registry: Registry;
  readonly wanted = new Map<number, Registration>();
  readonly goneForGood = new Map<string, number>();
  readonly weights = new Map<number, number>();
  readonly problems: string[] = [];

  constructor(seed: number, delayMs: number) {
    this.chaos.delayMs = delayMs;
    const random = seededRandom(seed);
    this.registry = new Registry({
      adapter: new ChaosAdapter(this.store, this.chaos, random),
      config: testConfig({ registry: { requestTimeoutMs: 2_000 }, registration: { ttlMs: 9_000 } }),
      clock: this.clock,
      random,
    });
  }

  async take(action: Step): Promise<void> {
    switch (action.do) {
      case 'register':
        if (!this.wanted.has(action.n)) this.#register(action.n);
        break;
      case 'update': {
        const registration = this.wanted.get(action.n);
        if (!registration) break;
        this.weights.set(action.n, action.weight);
        registration.update({ weight: action.weight }).catch(() => {});
        break;
      }
      case 'deregister': {
        const registration = this.wanted.get(action.n);
        if (!registration) break;
        this.wanted.delete(action.n);
        registration.deregister().catch(() => {});
        break;
      }
      case 'advance':
        await this.clock.advance(action.ms);
        break;
      case 'outage':
        this.store.setOutage(true);
        break;
      case 'recover':
        this.store.setOutage(false);
        break;
      case 'wipe':
        this.store.wipe();
        break;
      case 'expire':
        this.store.expireLeases();
        break;
      case 'disconnect':
        this.store.disconnect();
        break;
      case 'operator-remove':
        this.store.remove({ namespace: 'default', service: SERVICE, id: `i${action.n}` });
        break;
      case 'garbage':
        this.store.plant({ namespace: 'default', service: SERVICE, id: `g${action.n}` }, '{');
        break;
      case 'chaos':
        Object.assign(this.chaos, action.chaos);
        break;
    }
    await this.clock.advance(1);
    this.#watchForResurrection();
  }

  /** The faults end, and long enough passes for everything to come right. */
  async quiet(): Promise<void> {
    this.store.setOutage(false);
    Object.assign(this.chaos, CALM);
    await this.clock.advance(3 * 60_000);
  }

  #register(n: number): void {
    const registration = this.registry.register({
      service: SERVICE,
      id: `i${n}`,
      host: '10.0.0.1',
      port: 1_000 + n,
    });
    this.weights.set(n, 1);
    this.wanted.set(n, registration);
    this.goneForGood.delete(`i${n}`);
  }

  /** An instance whose deregistration is over must not be in the registry, now or later. */
  #watchForResurrection(): void {
    const wantedIds = new Set([...this.wanted.keys()].map((wanted) => `i${wanted}`));
    let listed: readonly ServiceInstance[];
    try {
      listed = listedIn(this.store, SERVICE);
    } catch {
      return; // In an outage nobody can look.
    }
    for (const { id } of listed) {
      if (!wantedIds.has(id) && this.deregistered.has(id))
        this.problems.push(`${id} came back after its deregistration`);
    }
  }

  /** The ids whose `deregister()` has been confirmed, and that were not registered again. */
  readonly deregistered = new Set<string>();
}

/** Wires the confirmation of each deregistration into `deregistered`. */
function track(history: History): History {
  history.registry.on((event) => {
    if (event.type !== 'registration') return;
    if (event.to === 'deregistered') history.deregistered.add(event.instance.id);
    if (event.to === 'registering') history.deregistered.delete(event.instance.id);
  });
  return history;
}

const histories = fc.record({
  seed: fc.nat(),
  delayMs: fc.constantFrom(0, 0, 200, 1_000),
  steps: fc.array(step, { minLength: 1, maxLength: 30 }),
});

describe('in every history of failures', { timeout: 120_000 }, () => {
  it('what is wanted is listed again, as it was last asked for, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ({ seed, delayMs, steps }) => {
        const history = track(new History(seed, delayMs));
        for (const action of steps) await history.take(action);
        await history.quiet();
        const listed = listedIn(history.store, SERVICE).map(({ id, weight }) => [id, weight] as const);
        const wanted = [...history.wanted.keys()].map(
          (wantedN) => [`i${wantedN}`, history.weights.get(wantedN)] as const,
        );
        expect(new Map(listed)).toEqual(new Map(wanted));
        for (const registration of history.wanted.values()) expect(registration.state).toBe('registered');
        await history.registry.close();
        expect(history.clock.pending).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('nothing comes back after its deregistration was confirmed', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ({ seed, delayMs, steps }) => {
        const history = track(new History(seed, delayMs));
        for (const action of steps) {
          await history.take(action);
          expect(history.problems).toEqual([]);
        }
        await history.registry.close();
      }),
      { numRuns: RUNS },
    );
  });

  it('a snapshot equals the registry after quiet, and never shows half of a change', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async ({ seed, delayMs, steps }) => {
        const history = new History(seed, delayMs);
        const view = history.registry.service(SERVICE);
        const twins = history.registry.service('twins');
        const torn: string[] = [];
        const checkTwins = (snapshot: Snapshot) => {
          const [a, b] = snapshot.instances;
          if (snapshot.instances.length % 2 !== 0 || a?.weight !== b?.weight)
            torn.push(JSON.stringify(snapshot));
        };
        twins.subscribe(checkTwins);
        const lease = history.store.grantLease(Number.MAX_SAFE_INTEGER);
        for (const [i, action] of steps.entries()) {
          await history.take(action);
          if (!lease.revoked) writeTwins(history.store, lease, i + 1);
          await history.clock.advance(1);
          if (twins.snapshot) checkTwins(twins.snapshot);
        }
        await history.quiet();
        expect(torn).toEqual([]);
        const registryHas = new Map(
          listedIn(history.store, SERVICE).map((instance) => [instance.id, instance]),
        );
        const snapshotHas = new Map(view.snapshot?.instances.map((instance) => [instance.id, instance]));
        expect(snapshotHas).toEqual(registryHas);
        expect(view.status).toBe('live');
        expect(view.snapshot?.source).toBe('registry');
        await history.registry.close();
        expect(history.clock.pending).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Two instances that the registry always changes together. */
function writeTwins(store: MemoryStore, lease: ReturnType<MemoryStore['grantLease']>, weight: number): void {
  for (const id of ['a', 'b']) {
    try {
      store.put(
        Object.freeze({
          namespace: 'default',
          service: 'twins',
          id,
          host: 'h',
          port: 1,
          status: 'UP',
          weight,
        }),
        lease,
      );
    } catch {
      return; // An outage: neither was written.
    }
  }
}
