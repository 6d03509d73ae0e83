import { describe, expect, it } from 'vitest';
import {
  memoryAdapter,
  RegistryError,
  type Lease,
  type RegistryAdapter,
  type ServiceInstance,
} from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import type { MemoryLease } from '../src/memory/memory-store.ts';
import { listedIn, ofType, rig, type Rig } from './support/rig.ts';

const spec = { service: 'user-service', host: '10.0.0.7', port: 8080 };
const key = { namespace: 'default', service: 'user-service', id: '10.0.0.7:8080' };

function ids({ store }: Rig, service = 'user-service'): readonly string[] {
  return listedIn(store, service).map(({ id }) => id);
}

/** Lets a promise settle while the clock runs. */
async function within<T>({ clock }: Rig, ms: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await clock.advance(ms);
  return await promise;
}

/** A memory adapter, one of whose methods is another. */
function withMethods(methods: (inner: RegistryAdapter) => Partial<RegistryAdapter>) {
  return (store: Rig['store']) => {
    const inner = memoryAdapter({ store });
    return alteredAdapter(inner, methods(inner));
  };
}

/**
 * A registration, its writes counted from 1. Those that are late hang until they are given up, and take effect 100 ms after. A sibling is
 * listed, which keeps the lease.
 */
async function withLateWrites(isLate: (nth: number) => boolean) {
  let writes = 0;
  const r = rig({
    config: { registry: { requestTimeoutMs: 1_000 }, backoff: { baseMs: 10, capMs: 10 } },
    adapter: withMethods((inner) => ({
      async register(instance, options) {
        if (instance.port !== 8080 || !isLate(++writes)) return inner.register(instance, options);
        const late = { ...options, signal: new AbortController().signal };
        return new Promise((_resolve, reject) => {
          options.signal.addEventListener('abort', () => {
            r.clock.after(100, () => void inner.register(instance, late));
            reject(options.signal.reason);
          });
        });
      },
    })),
  });
  const sibling = r.registry.register({ ...spec, port: 8081 });
  const registration = r.registry.register(spec);
  await within(r, 500, sibling.listed());
  return { r, registration };
}

describe('a registration', () => {
  it('is listed, and stays so for as long as the process beats', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    expect(registration.state).toBe('registered');
    await r.clock.advance(10 * 60_000);
    expect(ids(r)).toEqual([key.id]);
    expect(ofType(r.events, 'beat-failed')).toEqual([]);
  });

  it('is gone within its TTL once the process stops', async () => {
    const r = rig({ config: { registration: { ttlMs: 9_000 } } });
    await within(r, 0, r.registry.register(spec).listed());
    await r.registry.close();
    await r.clock.advance(8_999);
    expect(ids(r)).toEqual([key.id]);
    await r.clock.advance(1);
    expect(ids(r)).toEqual([]);
  });

  it('is refused at once when the spec is bad, and nothing is written', async () => {
    const r = rig();
    expect(() => r.registry.register({ ...spec, port: 0 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'port' }),
    );
    await r.clock.advance(1_000);
    expect(r.store.names('default')).toEqual([]);
  });

  it('is refused when the same id is registered here already', () => {
    const r = rig();
    r.registry.register(spec);
    expect(() => r.registry.register(spec)).toThrow(/registered by this process already/);
  });

  it('waits until it is ready', async () => {
    const r = rig();
    let open = (): void => {};
    const registration = r.registry.register(spec, {
      ready: () => new Promise((resolve) => (open = resolve)),
    });
    await r.clock.advance(60_000);
    expect([registration.state, ids(r)]).toEqual(['waiting', []]);
    open();
    await r.clock.advance(0);
    expect([registration.state, ids(r)]).toEqual(['registered', [key.id]]);
  });

  it('asks again whether it is ready when the answer was an error', async () => {
    const r = rig();
    let asked = 0;
    const registration = r.registry.register(spec, {
      ready: async () => {
        asked++;
        if (asked < 3) throw new Error('database not migrated');
      },
    });
    await r.clock.advance(60_000);
    expect([registration.state, asked]).toEqual(['registered', 3]);
    expect(ofType(r.events, 'registration-retry').map(({ error }) => error.message)[0]).toContain(
      'not migrated',
    );
  });
});

describe('where the registry has no namespaces', () => {
  const none = () =>
    rig({
      adapter: (store) => {
        const inner = memoryAdapter({ store });
        return alteredAdapter(inner, { capabilities: { ...inner.capabilities, namespaces: false } });
      },
    });

  it('any but default is refused at once, and nothing is written', async () => {
    const r = none();
    const refusal = expect.objectContaining({ code: 'UNSUPPORTED', field: 'namespace' }) as Error;
    expect(() => r.registry.register({ ...spec, namespace: 'blue' })).toThrow(refusal);
    expect(() => r.registry.service('user-service', 'blue')).toThrow(refusal);
    await expect(r.registry.services({ namespace: 'blue' })).rejects.toThrow(refusal);
    await r.clock.advance(1_000);
    expect(r.store.names('blue')).toEqual([]);
  });

  it('default is taken', async () => {
    const r = none();
    await within(r, 0, r.registry.register(spec).listed());
    expect(ids(r)).toEqual([key.id]);
  });
});

describe('a registration comes back', () => {
  const faults: [string, (r: Rig) => void | Promise<void>][] = [
    ['its lease expired in the registry', ({ store }) => store.expireLeases()],
    ['the registry restarted empty', ({ store }) => store.wipe()],
    ['an operator removed the entry', ({ store }) => store.remove(key)],
    [
      'the registry was out for longer than the TTL',
      async ({ store, clock }) => {
        store.setOutage(true);
        await clock.advance(120_000);
        store.setOutage(false);
      },
    ],
    [
      'the process was frozen for longer than the TTL',
      async (r) => {
        // The registry's time goes on while ours stands still.
        r.store.expireLeases();
        await r.clock.advance(1);
      },
    ],
  ];
  it.each(faults)('after %s', async (_name, strike) => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    await strike(r);
    await r.clock.advance(60_000);
    expect(registration.state).toBe('registered');
    expect(ids(r)).toEqual([key.id]);
  });

  it('under a lease that is almost run out without running out with it', async () => {
    // The registry keeps the lease for twice as long as we may count on, as one does that restarts with its data.
    const r = rig({
      config: { registration: { ttlMs: 9_000 }, backoff: { baseMs: 100, capMs: 100 } },
      adapter: withMethods((inner) => {
        const told = new Map<Lease, Lease>();
        return {
          async register(instance, options) {
            const lease = await inner.register(instance, { ...options, ttlMs: 18_000 });
            const shorter = told.get(lease) ?? { ...lease, ttlMs: 9_000 };
            told.set(lease, shorter);
            return shorter;
          },
        };
      }),
    });
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    r.store.setOutage(true);
    await r.clock.advance(17_000);
    r.store.setOutage(false);
    await r.clock.advance(500);
    expect(registration.state).toBe('registered');
    for (let i = 0; i < 100; i++) {
      await r.clock.advance(100);
      expect(ids(r)).toEqual([key.id]);
    }
  });

  it('with the newest of what was asked, not what was once written', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    await within(r, 0, registration.update({ weight: 7, tags: ['blue'] }));
    r.store.wipe();
    await r.clock.advance(60_000);
    expect(listedIn(r.store, 'user-service')).toMatchObject([{ weight: 7, tags: ['blue'] }]);
  });

  it('and tells: lost with the reason, then registered', async () => {
    const r = rig();
    await within(r, 0, r.registry.register(spec).listed());
    r.store.expireLeases();
    await r.clock.advance(60_000);
    const moves = ofType(r.events, 'registration').map(({ from, to, error }) => [from, to, error?.code]);
    expect(moves).toEqual([
      ['waiting', 'registering', undefined],
      ['registering', 'registered', undefined],
      ['registered', 'lost', 'LEASE_LOST'],
      ['lost', 'registering', undefined],
      ['registering', 'registered', undefined],
    ]);
  });

  it('within a third of the TTL when the registry says that the lease is gone', async () => {
    const r = rig({ config: { registration: { ttlMs: 9_000 }, backoff: { baseMs: 1, capMs: 1 } } });
    await within(r, 0, r.registry.register(spec).listed());
    r.store.expireLeases();
    await r.clock.advance(3_400);
    expect(ids(r)).toEqual([key.id]);
  });
});

describe('an update', () => {
  it('is written in place: no look in between misses the instance', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    const lists: string[] = [];
    r.registry
      .service('user-service')
      .subscribe(({ instances }) => lists.push(instances.map((i) => i.weight).join()));
    await r.clock.advance(1);
    for (const weight of [2, 3, 4]) await within(r, 1, registration.update({ weight }));
    expect(lists).toEqual(['1', '2', '3', '4']);
  });

  it('that is bad changes nothing', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    await expect(registration.update({ weight: -1 })).rejects.toMatchObject({ field: 'weight' });
    expect(registration.instance.weight).toBe(1);
  });

  it('waits in an outage, and says why when the wait ends', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    r.store.setOutage(true);
    const update = within(r, 5_000, registration.update({ weight: 2 }, { timeoutMs: 4_000 }));
    await expect(update).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: /last failure: .*set to be out/,
    });
    r.store.setOutage(false);
    await r.clock.advance(60_000);
    expect(listedIn(r.store, 'user-service')).toMatchObject([{ weight: 2 }]);
  });

  it('that the registry refuses for good is told to the caller, and not tried for ever', async () => {
    let asked = 0;
    const r = rig({
      adapter: withMethods((inner) => ({
        register: (instance, options) => {
          if (instance.weight !== 5) return inner.register(instance, options);
          asked++;
          return Promise.reject(
            new RegistryError('INVALID_ARGUMENT', 'weight 5 is not for us', { field: 'weight' }),
          );
        },
      })),
    });
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    await expect(within(r, 100, registration.update({ weight: 5 }))).rejects.toMatchObject({
      field: 'weight',
    });
    expect([registration.state, registration.error]).toEqual(['registered', undefined]);
    r.store.wipe();
    await r.clock.advance(600_000);
    expect(asked).toBe(1);
    expect(listedIn(r.store, 'user-service')).toMatchObject([{ weight: 1 }]);
    await within(r, 100, registration.update({ weight: 6 }));
    expect(listedIn(r.store, 'user-service')).toMatchObject([{ weight: 6 }]);
  });
});

describe('a deregistration', () => {
  it('takes the entry off at once, and nothing brings it back', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    await within(r, 0, registration.deregister());
    expect([registration.state, ids(r)]).toEqual(['deregistered', []]);
    await r.clock.advance(600_000);
    expect(ids(r)).toEqual([]);
    await expect(registration.update({ weight: 2 })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('waits for a write that is under way, so that the removal comes last', async () => {
    const writes: string[] = [];
    const r = rig({
      adapter: withMethods((inner) => ({
        async register(instance, options) {
          await new Promise<void>((resolve) => void r.clock.after(1_000, resolve));
          writes.push('register');
          return inner.register(instance, options);
        },
        deregister(instance, options) {
          writes.push('deregister');
          return inner.deregister(instance, options);
        },
      })),
    });
    const registration = r.registry.register(spec);
    await r.clock.advance(500);
    await within(r, 2_000, registration.deregister());
    expect(writes).toEqual(['register', 'deregister']);
    expect(ids(r)).toEqual([]);
  });

  it('outlasts a write that got no answer and takes effect late', async () => {
    const { r, registration } = await withLateWrites(() => true);
    await within(r, 2_000, registration.deregister());
    await r.clock.advance(600_000);
    expect(ids(r)).toEqual(['10.0.0.7:8081']);
  });

  it('outlasts such a write also when a later one was answered before it took effect', async () => {
    const { r, registration } = await withLateWrites((nth) => nth === 1);
    await within(r, 550, registration.listed());
    await within(r, 2_000, registration.deregister());
    await r.clock.advance(600_000);
    expect(ids(r)).toEqual(['10.0.0.7:8081']);
  });

  it('of one leaves its siblings on the same lease alone', async () => {
    const r = rig();
    const first = r.registry.register(spec);
    const second = r.registry.register({ ...spec, port: 8081 });
    await within(r, 0, Promise.all([first.listed(), second.listed()]));
    await within(r, 0, first.deregister());
    await r.clock.advance(600_000);
    expect(ids(r)).toEqual(['10.0.0.7:8081']);
  });

  it('goes on after an outage, although its caller gave up', async () => {
    const r = rig();
    const first = r.registry.register(spec);
    // A sibling keeps the shared lease alive: without the removal the entry would never leave.
    const second = r.registry.register({ ...spec, port: 8081 });
    await within(r, 0, Promise.all([first.listed(), second.listed()]));
    r.store.setOutage(true);
    await expect(within(r, 2_000, first.deregister({ timeoutMs: 1_000 }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    r.store.setOutage(false);
    await r.clock.advance(60_000);
    expect([first.state, ids(r)]).toEqual(['deregistered', ['10.0.0.7:8081']]);
  });

  it('of an instance that was never listed needs no registry', async () => {
    const r = rig();
    r.store.setOutage(true);
    const registration = r.registry.register(spec, { ready: () => new Promise(() => {}) });
    await r.clock.advance(1_000);
    await within(r, 0, registration.deregister());
    expect(registration.state).toBe('deregistered');
  });

  it('can be followed by a registration of the same id', async () => {
    const r = rig();
    const first = r.registry.register(spec);
    await within(r, 0, first.listed());
    r.store.setOutage(true);
    first.deregister().catch(() => {});
    const second = r.registry.register({ ...spec, weight: 9 });
    await r.clock.advance(10_000);
    r.store.setOutage(false);
    await r.clock.advance(60_000);
    expect(second.state).toBe('registered');
    expect(listedIn(r.store, 'user-service')).toMatchObject([{ weight: 9 }]);
  });
});

describe('the load on the registry', () => {
  it('is one beat per third of the TTL, however many instances share the lease', async () => {
    let beats = 0;
    const r = rig({
      config: { registration: { ttlMs: 9_000 } },
      adapter: withMethods((inner) => {
        const counted = new WeakSet();
        return {
          async register(instance, options) {
            const lease = await inner.register(instance, options);
            if (!counted.has(lease)) {
              counted.add(lease);
              const renew = lease.renew?.bind(lease);
              Object.assign(lease, {
                renew: (renewOptions: { signal: AbortSignal }) => {
                  beats++;
                  return renew?.(renewOptions);
                },
              });
            }
            return lease;
          },
        };
      }),
    });
    for (let port = 1; port <= 500; port++) r.registry.register({ ...spec, port });
    await r.clock.advance(90_000);
    expect(ids(r)).toHaveLength(500);
    expect(beats).toBeGreaterThanOrEqual(27);
    expect(beats).toBeLessThanOrEqual(34);
  });

  it('is at most `concurrency` writes at once', async () => {
    let now = 0;
    let most = 0;
    const r = rig({
      config: { registration: { concurrency: 4 } },
      adapter: withMethods((inner) => ({
        async register(instance: ServiceInstance, options) {
          most = Math.max(most, ++now);
          await new Promise<void>((resolve) => void r.clock.after(10, resolve));
          now--;
          return inner.register(instance, options);
        },
      })),
    });
    for (let port = 1; port <= 40; port++) r.registry.register({ ...spec, port });
    await r.clock.advance(1_000);
    expect([ids(r).length, most]).toEqual([40, 4]);
  });

  it('comes back spread out when all lose their sessions at the same moment', async () => {
    const sessions: AbortController[] = [];
    const r = rig({ config: { backoff: { baseMs: 1_000, capMs: 10_000 } } });
    const handles = Array.from({ length: 200 }, () => {
      const session = new AbortController();
      sessions.push(session);
      const lease = { ttlMs: 10_000, lost: session.signal };
      const inner = memoryAdapter({ store: r.store });
      return r.another(
        { backoff: { baseMs: 1_000, capMs: 10_000 } },
        alteredAdapter(inner, {
          async register(instance, options) {
            await inner.register(instance, { ...options, ttlMs: Number.MAX_SAFE_INTEGER });
            return session.signal.aborted ? { ttlMs: 10_000 } : lease;
          },
        }),
      );
    });
    for (const [i, handle] of handles.entries()) handle.register({ ...spec, port: 1 + i });
    await r.clock.advance(1_000);
    expect(ids(r)).toHaveLength(200);
    r.store.wipe();
    for (const session of sessions) session.abort();
    await r.clock.advance(100);
    expect(ids(r).length).toBeLessThan(50);
    await r.clock.advance(900);
    expect(ids(r)).toHaveLength(200);
    await Promise.all(handles.map((handle) => handle.close()));
  });

  it('is a few looks, not one each, when many are taken off at once', async () => {
    let looks = 0;
    const r = rig({
      adapter: withMethods((inner) => ({
        async discover(service, options) {
          looks++;
          await new Promise<void>((resolve) => void r.clock.after(10, resolve));
          return inner.discover(service, options);
        },
      })),
    });
    const registrations = Array.from({ length: 500 }, (_, i) =>
      r.registry.register({ ...spec, port: 1 + i }),
    );
    await r.clock.advance(1);
    await within(r, 5_000, Promise.all(registrations.map((registration) => registration.deregister())));
    expect(ids(r)).toEqual([]);
    expect(looks).toBeLessThan(10);
  });

  it('does not grow when leases are given up for want of answers: how long to wait is known from the beats', async () => {
    let tries = 0;
    const r = rig({
      config: { registration: { ttlMs: 9_000, concurrency: 200 } },
      adapter: withMethods((inner) => ({
        async register(instance, options) {
          tries++;
          return await inner.register(instance, options);
        },
      })),
    });
    const all = Array.from({ length: 200 }, (_, i) => r.registry.register({ ...spec, port: 1 + i }));
    await r.clock.advance(1);
    r.store.setOutage(true);
    while (all.some(({ state }) => state === 'registered')) await r.clock.advance(10);
    tries = 0;
    await r.clock.advance(1_000);
    // Waits of 0 to 5 s, evenly: a fifth of all in a second, and few of them twice.
    expect(tries).toBeGreaterThan(20);
    expect(tries).toBeLessThan(60);
    r.store.setOutage(false);
    await r.clock.advance(5_000);
    expect(ids(r)).toHaveLength(200);
  });

  it('comes back spread out after everyone lost the same registry', async () => {
    const r = rig({ config: { backoff: { baseMs: 1_000, capMs: 10_000 } } });
    const handles = Array.from({ length: 200 }, () => r.another());
    for (const [i, handle] of handles.entries()) handle.register({ ...spec, port: 1 + i });
    await r.clock.advance(1_000);
    r.store.setOutage(true);
    await r.clock.advance(60_000);
    r.store.setOutage(false);
    const perSecond: number[] = [];
    for (let before = 0; perSecond.length < 12;) {
      await r.clock.advance(1_000);
      const listed = ids(r).length;
      perSecond.push(listed - before);
      before = listed;
    }
    expect(ids(r)).toHaveLength(200);
    expect(Math.max(...perSecond)).toBeLessThan(60);
    await Promise.all(handles.map((handle) => handle.close()));
  });
});

describe('closing', () => {
  it('leaves no timer', async () => {
    const r = rig();
    for (let port = 1; port <= 5; port++) r.registry.register({ ...spec, port });
    r.registry.service('user-service');
    await r.clock.advance(1_000);
    await r.registry.close();
    expect(r.clock.pending).toBe(0);
  });

  it('ends what waits, and refuses what comes after', async () => {
    const r = rig();
    r.store.setOutage(true);
    const registration = r.registry.register(spec);
    const waiting = registration.listed();
    waiting.catch(() => {});
    await r.registry.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => r.registry.register({ ...spec, port: 1 })).toThrow(
      expect.objectContaining({ code: 'CLOSED' }),
    );
    await expect(r.registry.services()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('release', () => {
  it('removes nothing, and nothing is written from then on', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    registration.release();
    expect(registration.state).toBe('released');
    expect(r.registry.registrations).toEqual([]);
    expect(ids(r)).toEqual([key.id]);
    const theirs = r.another();
    await within(r, 0, theirs.register({ ...spec, weight: 7 }).listed());
    await r.clock.advance(10 * 60_000);
    expect(listedIn(r.store, 'user-service').map(({ weight }) => weight)).toEqual([7]);
  });

  it('leaves an entry that nobody else keeps to its TTL', async () => {
    const r = rig({ config: { registration: { ttlMs: 9_000 } } });
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    registration.release();
    await r.clock.advance(9_001);
    expect(ids(r)).toEqual([]);
  });

  it('ends waits with the reason, and lets the id be registered anew', async () => {
    const r = rig();
    r.store.setOutage(true);
    const registration = r.registry.register(spec);
    const waiting = registration.listed();
    waiting.catch(() => {});
    await r.clock.advance(10);
    registration.release();
    await expect(waiting).rejects.toMatchObject({
      code: 'CLOSED',
      message: expect.stringContaining('released'),
    });
    await expect(within(r, 1_000, registration.deregister())).rejects.toMatchObject({ code: 'CLOSED' });
    r.store.setOutage(false);
    await within(r, 1_000, r.registry.register(spec).listed());
    expect(ids(r)).toEqual([key.id]);
  });

  it('changes nothing for one that is being taken off', async () => {
    const r = rig();
    const registration = r.registry.register(spec);
    await within(r, 0, registration.listed());
    const leaving = registration.deregister();
    registration.release();
    await within(r, 1_000, leaving);
    expect(registration.state).toBe('deregistered');
    expect(ids(r)).toEqual([]);
  });
});

describe('what an operator makes of an entry', () => {
  /** As operators do: the entry is put anew under the lease that it has. */
  function operatedRig(capabilities: Partial<RegistryAdapter['capabilities']> = {}) {
    const leases: Lease[] = [];
    const r = rig({
      adapter: withMethods((inner) => ({
        capabilities: { ...inner.capabilities, ...capabilities },
        override: async () => {},
        register: async (instance, options) => {
          const lease = await inner.register(instance, options);
          leases.push(lease);
          return lease;
        },
      })),
    });
    const operate = (change: Partial<ServiceInstance>) => {
      const [lease] = leases.slice(-1);
      for (const listed of listedIn(r.store, 'user-service'))
        r.store.put(Object.freeze({ ...listed, ...change }), lease as MemoryLease);
    };
    const shown = () => listedIn(r.store, 'user-service').map(({ status, weight }) => ({ status, weight }));
    return { ...r, operate, shown };
  }
  /** By then the owner has looked. */
  const LOOKED_MS = 40_000;

  it('outlives a registry that comes back empty', async () => {
    const r = operatedRig();
    const registration = r.registry.register(spec);
    await within(r, LOOKED_MS, registration.listed());
    r.operate({ status: 'OUT_OF_SERVICE', weight: 3 });
    await r.clock.advance(LOOKED_MS);
    expect(ofType(r.events, 'override').map(({ override }) => override)).toEqual([
      { status: 'OUT_OF_SERVICE', weight: 3 },
    ]);
    r.store.wipe();
    await r.clock.advance(LOOKED_MS);
    expect(r.shown()).toEqual([{ status: 'OUT_OF_SERVICE', weight: 3 }]);
    expect(registration.instance.status).toBe('UP');
  });

  it('ends when the operator takes it back', async () => {
    const r = operatedRig();
    await within(r, LOOKED_MS, r.registry.register(spec).listed());
    r.operate({ status: 'OUT_OF_SERVICE' });
    await r.clock.advance(LOOKED_MS);
    r.operate({ status: 'UP' });
    await r.clock.advance(LOOKED_MS);
    expect(ofType(r.events, 'override').map(({ override }) => override)).toEqual([
      { status: 'OUT_OF_SERVICE' },
      {},
    ]);
    r.store.wipe();
    await r.clock.advance(LOOKED_MS);
    expect(r.shown()).toEqual([{ status: 'UP', weight: 1 }]);
  });

  it('gives way to what the owner says itself, field by field', async () => {
    const r = operatedRig();
    const registration = r.registry.register(spec);
    await within(r, LOOKED_MS, registration.listed());
    r.operate({ status: 'OUT_OF_SERVICE', weight: 3 });
    await r.clock.advance(LOOKED_MS);
    await within(r, 0, registration.update({ tags: ['blue'] }));
    expect(r.shown()).toEqual([{ status: 'OUT_OF_SERVICE', weight: 3 }]);
    await within(r, 0, registration.update({ weight: 5 }));
    expect(r.shown()).toEqual([{ status: 'OUT_OF_SERVICE', weight: 5 }]);
    await within(r, 0, registration.update({ status: 'UP' }));
    expect(r.shown()).toEqual([{ status: 'UP', weight: 5 }]);
  });

  it('is not what the registry itself makes of a status: a late beat leaves nobody down for ever', async () => {
    const r = operatedRig();
    await within(r, LOOKED_MS, r.registry.register(spec).listed());
    r.operate({ status: 'DOWN' });
    await r.clock.advance(LOOKED_MS);
    r.store.wipe();
    await r.clock.advance(LOOKED_MS);
    expect(r.shown()).toEqual([{ status: 'UP', weight: 1 }]);
    expect(ofType(r.events, 'override')).toEqual([]);
  });

  it.each([
    ['the registry keeps it itself', { keepsOverrides: true }],
    ['the registry carries neither field', { fields: ['metadata'] as const }],
  ])('is left alone where %s', async (_name, capabilities) => {
    const r = operatedRig(capabilities);
    await within(r, LOOKED_MS, r.registry.register(spec).listed());
    r.operate({ status: 'OUT_OF_SERVICE', weight: 3 });
    await r.clock.advance(LOOKED_MS);
    r.store.wipe();
    await r.clock.advance(LOOKED_MS);
    expect(r.shown()).toEqual([{ status: 'UP', weight: 1 }]);
  });
});
