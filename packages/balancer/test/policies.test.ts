import { seededRandom } from '@rollcall/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Balancer, POLICIES, type PolicyName } from '../src/index.ts';
import { instance, instances, tested } from './balancer-under-test.ts';

const WEIGHTED = ['weighted-round-robin', 'weighted-random', 'p2c-ewma', 'consistent-hash'] as const;

describe.each(POLICIES)('%s', (policy) => {
  it('picks nobody of none, and the one of one', () => {
    const { balancer, call } = tested([], { policy });
    expect(call()).toBeUndefined();
    balancer.update([instance('a')]);
    expect([call(), call(), call({ key: 'k' })]).toEqual(['a', 'a', 'a']);
  });

  it('gives each of equal ones about as much', () => {
    const { balancer } = tested(instances(10), { policy });
    const counts = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const pick = balancer.pick({ key: policy === 'sticky' ? `k${i}` : `${i}` });
      counts.set(pick?.instance.id ?? '', (counts.get(pick?.instance.id ?? '') ?? 0) + 1);
      pick?.done();
    }
    expect(counts.size).toBe(10);
    for (const count of counts.values()) {
      expect(count).toBeGreaterThan(600);
      expect(count).toBeLessThan(1_500);
    }
  });

  it('gives one of weight 0 nothing, at once', () => {
    const { balancer, calls } = tested(instances(3), { policy });
    balancer.update([instance('i0', { weight: 0 }), instance('i1'), instance('i2')]);
    expect(calls(1_000)).not.toHaveProperty('i0');
    balancer.update(instances(3, () => ({ weight: 0 })));
    expect(calls(2)).toEqual({ none: 2 });
  });

  it('holds on to its place when an instance changes and none comes or goes', () => {
    const { balancer, calls } = tested(instances(4), { policy });
    const picked = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      balancer.update(instances(4, () => ({ metadata: { n: String(i) } })));
      for (const [id, count] of Object.entries(calls(1, { key: String(i) })))
        picked.set(id, (picked.get(id) ?? 0) + count);
    }
    expect(picked.size).toBe(4);
    for (const count of picked.values()) expect(count).toBeGreaterThan(50);
  });
});

describe.each(WEIGHTED)('%s', (policy) => {
  it('gives each the share of its weight, and a new one from the next pick on', () => {
    const weights = [1, 2, 3, 4];
    const { balancer } = tested(
      instances(4, (i) => ({ weight: weights[i] ?? 1 })),
      { policy },
    );
    const share = (id: string) => {
      let count = 0;
      for (let i = 0; i < 20_000; i++) {
        const pick = balancer.pick({ key: `key ${i}` });
        if (pick?.instance.id === id) count++;
        pick?.done();
      }
      return count / 20_000;
    };
    expect(share('i3')).toBeCloseTo(0.4, 1);
    expect(share('i0')).toBeCloseTo(0.1, 1);
    balancer.update(instances(4, (i) => ({ weight: i === 0 ? 91 : (weights[i] ?? 1) })));
    expect(share('i0')).toBeCloseTo(0.91, 1);
  });
});

describe('round-robin', () => {
  it('takes one after the other, whatever their weights', () => {
    const { calls } = tested(
      instances(3, (i) => ({ weight: i + 1 })),
      { policy: 'round-robin' },
    );
    expect(calls(9)).toEqual({ i0: 3, i1: 3, i2: 3 });
  });

  it('begins anywhere, so that callers that start at once do not begin with the same', () => {
    const firsts = new Set<string | undefined>();
    for (let seed = 0; seed < 200; seed++) {
      const balancer = new Balancer({ policy: 'round-robin' });
      balancer.update(instances(5));
      firsts.add(balancer.pick()?.instance.id);
    }
    expect(firsts.size).toBe(5);
  });

  it('goes on behind the last one when the list changes', () => {
    const { balancer, call } = tested(instances(4), { policy: 'round-robin', random: () => 0 });
    expect([call(), call()]).toEqual(['i0', 'i1']);
    balancer.update([instance('new'), ...instances(4)]);
    expect(call()).toBe('i2');
    balancer.update([instance('i0'), instance('i1'), instance('i3')]);
    expect(call()).toBe('i3');
  });
});

describe('weighted-round-robin', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 40 });
  const update = (balancer: Balancer, list: readonly number[]) =>
    balancer.update(list.map((weight, i) => instance(`i${i}`, { weight })));

  it('has given each its share, within one, after any number of picks', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 500 }), (list, picks) => {
        const { balancer, call } = tested([], { policy: 'weighted-round-robin' });
        update(balancer, list);
        const total = list.reduce((sum, weight) => sum + weight, 0);
        const counts = list.map(() => 0);
        let most = 0;
        for (let n = 1; n <= picks; n++) {
          const place = Number(call()?.slice(1));
          counts[place] = (counts[place] ?? 0) + 1;
          for (const [i, weight] of list.entries())
            most = Math.max(most, Math.abs((counts[i] ?? 0) - (n * weight) / total));
        }
        expect(most).toBeLessThan(1);
      }),
      { numRuns: 200 },
    );
  });

  it('owes nobody more than two, however often weights change', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 8, maxLength: 8 }), fc.nat(20)),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        (changes) => {
          const { balancer, call } = tested([], { policy: 'weighted-round-robin' });
          const due = Array.from({ length: 8 }, () => 0);
          for (const [list, picks] of changes) {
            update(balancer, list);
            const total = list.reduce((sum, weight) => sum + weight, 0);
            for (let n = 0; n < picks; n++) {
              for (const [i, weight] of list.entries()) due[i] = (due[i] ?? 0) + weight / total;
              const place = Number(call()?.slice(1));
              due[place] = (due[place] ?? 0) - 1;
            }
          }
          for (const owed of due) expect(Math.abs(owed)).toBeLessThan(2);
        },
      ),
    );
  });

  it('does not pass one of little weight over for ever where the list changes all the time', () => {
    const { balancer, call } = tested([], { policy: 'weighted-round-robin' });
    const picked = new Set<string | undefined>();
    for (let i = 0; i < 200; i++) {
      balancer.update([
        instance('heavy', { weight: 99, metadata: { i: String(i) } }),
        instance('light', { weight: 1 }),
      ]);
      picked.add(call());
    }
    expect(picked).toContain('light');
  });
});

describe('least-active', () => {
  it('takes the one with the fewest calls for its weight, as calls begin and end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40, size: 'max' }),
        // A call begins, or one of those under way ends.
        fc.array(fc.oneof(fc.constant(null), fc.nat(100)), { maxLength: 600, size: 'max' }),
        (list, steps) => {
          const { balancer } = tested(
            list.map((weight, i) => instance(`i${i}`, { weight })),
            { policy: 'least-active' },
          );
          const running = new Map<string, number>();
          const open: { id: string; done(): void }[] = [];
          const load = (i: number) => (running.get(`i${i}`) ?? 0) / (list[i] ?? 1);
          for (const ended of steps) {
            if (ended === null) {
              const least = Math.min(...list.map((_, i) => load(i)));
              const pick = balancer.pick();
              const id = pick?.instance.id ?? '';
              expect(load(Number(id.slice(1)))).toBe(least);
              running.set(id, (running.get(id) ?? 0) + 1);
              open.push({ id, done: () => pick?.done() });
            } else {
              const [call] = open.splice(ended % (open.length || 1), 1);
              call?.done();
              if (call) running.set(call.id, (running.get(call.id) ?? 0) - 1);
            }
          }
        },
      ),
    );
  });

  it('takes of equals the one that has been so for longest, whatever its weight', () => {
    const weight = (i: number) => ({ weight: 1 + (i % 3) });
    const { balancer, calls } = tested(instances(7, weight), { policy: 'least-active' });
    expect(Object.values(calls(70))).toEqual([10, 10, 10, 10, 10, 10, 10]);
    const chosen = Array.from({ length: 14 }, () => balancer.choose()?.id);
    expect(new Set(chosen.slice(0, 7)).size).toBe(7);
    expect(chosen.slice(7)).toEqual(chosen.slice(0, 7));
  });

  it('keeps the order of those who stay when the list changes, and begins with those who are new', () => {
    const { balancer, call } = tested(instances(3), { policy: 'least-active' });
    const order = [call(), call(), call()];
    balancer.update(instances(4));
    expect([call(), call(), call(), call()]).toEqual(['i3', ...order]);
    balancer.update(instances(4).filter(({ id }) => id !== order[1]));
    expect([call(), call(), call()]).toEqual(['i3', order[0], order[2]]);
  });
});

describe('p2c-ewma', () => {
  /** Each call takes as long as its instance does, one after the other. */
  function shares(tookMs: (id: string) => number, policy: PolicyName, count = 5_000) {
    const { balancer, clock } = tested(instances(10), { policy, ejection: false });
    const counts: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const pick = balancer.pick();
      const id = pick?.instance.id ?? '';
      counts[id] = (counts[id] ?? 0) + 1;
      clock.pass(tookMs(id));
      pick?.done();
    }
    return counts;
  }

  it('gives a slow one far less than its share', () => {
    const took = (id: string) => (id === 'i0' ? 100 : 10);
    expect(shares(took, 'round-robin')['i0']).toBe(500);
    expect(shares(took, 'p2c-ewma')['i0']).toBeLessThan(120);
  });

  it('tries a slow one again, and gives it its share when it is quick again', () => {
    let isSlow = true;
    let calls = 0;
    const counts = shares(
      (id) => {
        calls++;
        if (calls === 2_000) isSlow = false;
        return id === 'i0' && isSlow ? 200 : 10;
      },
      'p2c-ewma',
      20_000,
    );
    expect(counts['i0']).toBeGreaterThan(1_000);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'gives one that is new a single call, until that has ended (%i)',
    (seed) => {
      const options = { policy: 'p2c-ewma', ejection: false, random: seededRandom(seed) } as const;
      const { balancer, clock } = tested(instances(2), options);
      const [first, second] = [balancer.pick(), balancer.pick()];
      expect(new Set([first?.instance.id, second?.instance.id]).size).toBe(2);
      clock.pass(10);
      first?.done();
      const others = Array.from({ length: 20 }, () => balancer.pick()?.instance.id);
      expect(new Set(others)).toEqual(new Set([first?.instance.id]));
    },
  );

  it.each([
    ['a moment', 0, 'the other'],
    // By then e^(−20 s/10 s) is left of 100 ms, which is less than 50 ms.
    ['20 s', 20_000, 'the slow one'],
  ] as const)(
    '%s after a call of 100 ms, beside one of 50 ms, it picks by what is left',
    (_when, ms, next) => {
      const { balancer, clock } = tested(instances(2), { policy: 'p2c-ewma', ejection: false });
      const slow = balancer.pick();
      const slowId = slow?.instance.id;
      clock.pass(100);
      slow?.done();
      clock.pass(ms);
      const other = balancer.pick();
      const otherId = other?.instance.id;
      clock.pass(50);
      other?.done();
      for (let i = 0; i < 20; i++)
        expect(balancer.choose()?.id).toBe(next === 'the other' ? otherId : slowId);
    },
  );

  it('does not send everything to the one that fails at once', () => {
    const { balancer, clock } = tested(instances(5), { policy: 'p2c-ewma', ejection: false });
    let failed = 0;
    for (let i = 0; i < 2_000; i++) {
      const pick = balancer.pick();
      const isBad = pick?.instance.id === 'i0';
      if (isBad) failed++;
      clock.pass(isBad ? 1 : 20);
      pick?.done(isBad ? 'failure' : 'success');
    }
    expect(failed).toBeLessThan(200);
  });
});

describe('consistent-hash', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `user ${i}`);
  const homes = (count: number, left?: string) => {
    const { call } = tested(
      instances(count).filter(({ id }) => id !== left),
      { policy: 'consistent-hash' },
    );
    return keys.map((key) => call({ key }));
  };

  it.each([2, 10, 50])(
    'moves at most 1.5/N of the keys when one of %i leaves, and none of the others',
    (count) => {
      const [before, after] = [homes(count), homes(count, 'i1')];
      const moved = before.filter((home, i) => home !== after[i]);
      expect(moved.length / keys.length).toBeLessThanOrEqual(1.5 / count);
      expect(new Set(moved)).toEqual(new Set(['i1']));
    },
  );

  it('moves none of the others where weights differ', () => {
    const weighted = (left?: string) => {
      const list = instances(20, (i) => ({ weight: 1 + (i % 7) })).filter(({ id }) => id !== left);
      const { call } = tested(list, { policy: 'consistent-hash' });
      return keys.map((key) => call({ key }));
    };
    const [before, after] = [weighted(), weighted('i6')];
    expect(new Set(before.filter((home, i) => home !== after[i]))).toEqual(new Set(['i6']));
  });

  it('is the same for every caller, whatever the order of its list', () => {
    const list = instances(20);
    const [a, b] = [
      tested(list, { policy: 'consistent-hash' }),
      tested(list.toReversed(), { policy: 'consistent-hash' }),
    ];
    for (const key of keys.slice(0, 500)) expect(a.call({ key })).toBe(b.call({ key }));
  });

  it('passes over one that has more than its share of calls', () => {
    const { balancer } = tested(instances(4), { policy: { name: 'consistent-hash', maxLoad: 1.25 } });
    const counts = new Map<string | undefined, number>();
    for (let i = 0; i < 100; i++) {
      const id = balancer.pick({ key: 'hot' })?.instance.id;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect(counts.size).toBe(4);
    for (const count of counts.values()) expect(count).toBeLessThanOrEqual(Math.ceil(1.25 * 25) + 1);
  });

  it('holds on to a hot key’s instance without a limit', () => {
    const { balancer } = tested(instances(4), { policy: { name: 'consistent-hash', maxLoad: Infinity } });
    expect(new Set(Array.from({ length: 100 }, () => balancer.pick({ key: 'hot' })?.instance.id)).size).toBe(
      1,
    );
  });
});

describe('sticky', () => {
  it('stays with the instance that a key got first, as long as it is there', () => {
    const { balancer, call } = tested(instances(3), { policy: 'sticky' });
    const home = call({ key: 'session 1' }) ?? '';
    balancer.update(instances(30));
    for (let i = 0; i < 20; i++) expect(call({ key: 'session 1' })).toBe(home);
    balancer.update(instances(30).filter(({ id }) => id !== home));
    const next = call({ key: 'session 1' });
    expect(next).not.toBe(home);
    balancer.update(instances(30));
    expect(call({ key: 'session 1' })).toBe(next);
  });

  it('remembers so many keys and no more', () => {
    const { call } = tested(instances(100), { policy: { name: 'sticky', maxKeys: 2, first: 'round-robin' } });
    const [a] = [call({ key: 'a' }), call({ key: 'b' })];
    expect(call({ key: 'a' })).toBe(a);
    call({ key: 'c' });
    expect(call({ key: 'a' })).toBe(a);
    call({ key: 'd' });
    call({ key: 'e' });
    expect(call({ key: 'a' })).not.toBe(a);
  });

  it('gives nobody where nobody may be called, and picks anew afterwards', () => {
    const { balancer, call } = tested(instances(3), { policy: 'sticky' });
    const home = call({ key: 'a' });
    balancer.update([]);
    expect(call({ key: 'a' })).toBeUndefined();
    expect(call({ key: 'b' })).toBeUndefined();
    balancer.update(instances(3).filter(({ id }) => id !== home));
    expect(call({ key: 'a' })).not.toBe(home);
    expect(call({ key: 'b' })).toBeDefined();
  });
});
