import { describe, expect, it } from 'vitest';
import { zoneShares } from '../src/zones.ts';
import { instance, instances, tested } from './balancer-under-test.ts';

const RR = { policy: 'round-robin' } as const;

describe('statuses', () => {
  it('only those that are UP get calls, unless others are asked for', () => {
    const list = (['UP', 'STARTING', 'DOWN', 'OUT_OF_SERVICE', 'UNKNOWN'] as const).map((status) =>
      instance(status, { status }),
    );
    expect(tested(list, RR).calls(10)).toEqual({ UP: 10 });
    expect(tested(list, { ...RR, statuses: ['UP', 'UNKNOWN'] }).calls(10)).toEqual({ UP: 5, UNKNOWN: 5 });
    expect(tested(list, { ...RR, statuses: [] }).call()).toBeUndefined();
  });
});

describe('picks', () => {
  it('are counted, whatever changes meanwhile, and also those that find nobody', () => {
    const { balancer, clock } = tested([], RR);
    const pick = (times: number) => {
      for (let n = 0; n < times; n++) balancer.pick()?.done('failure');
    };
    pick(3);
    expect(balancer.picks).toBe(3);
    balancer.update(instances(4));
    pick(1_000);
    expect(balancer.picks).toBe(1_003);
    clock.pass(3_600_000);
    balancer.choose();
    expect(balancer.picks).toBe(1_004);
    void balancer.report;
    balancer.update(instances(2));
    expect(balancer.picks).toBe(1_004);
    pick(300);
    expect(balancer.picks).toBe(1_304);
  });
});

describe('routes', () => {
  const versions = [
    instance('a', { version: '1' }),
    instance('b', { version: '1' }),
    instance('c', { version: '2' }),
  ];
  const canary = { to: { version: '2' }, percent: 10 };

  it('give a canary its part of the calls, and the rest to the others', () => {
    const counts = tested(versions, { ...RR, routes: [canary] }).calls(10_000);
    expect(counts['c']).toBeGreaterThan(900);
    expect(counts['c']).toBeLessThan(1_100);
    expect(Math.abs((counts['a'] ?? 0) - (counts['b'] ?? 0))).toBeLessThan(2);
  });

  it('keep a key with the canary, or away from it', () => {
    const { call } = tested(versions, { ...RR, routes: [canary] });
    const isCanary = (key: string) => call({ key }) === 'c';
    const keys = Array.from({ length: 2_000 }, (_, i) => `user ${i}`);
    const first = keys.filter(isCanary);
    expect(first.length).toBeGreaterThan(140);
    expect(first.length).toBeLessThan(260);
    expect(keys.filter(isCanary)).toEqual(first);
  });

  it('lead calls with a header to a version, by tags, metadata or namespace too', () => {
    const list = [
      instance('plain'),
      instance('blue', { tags: ['blue', 'fast'] }),
      instance('eu', { metadata: { region: 'eu' } }),
      instance('other', { namespace: 'staging' }),
    ];
    const { call } = tested(list, {
      ...RR,
      routes: [
        { headers: { 'x-color': 'blue' }, to: { tags: ['fast', 'blue'] } },
        { headers: { 'x-region': 'eu' }, to: { metadata: { region: 'eu' } } },
        { headers: { 'x-stage': 'yes' }, to: { namespace: 'staging' } },
      ],
    });
    expect(call({ headers: { 'x-color': 'blue' } })).toBe('blue');
    expect(call({ headers: { 'x-region': 'eu' } })).toBe('eu');
    expect(call({ headers: { 'x-stage': 'yes' } })).toBe('other');
    expect([call(), call({ headers: {} }), call({ headers: { 'x-color': 'red' } })]).toEqual([
      'plain',
      'plain',
      'plain',
    ]);
  });

  it('lead on when nobody is there, or give none where that is wanted', () => {
    const only = [instance('a', { version: '1' })];
    const headers = { 'x-version': '2' };
    expect(tested(only, { ...RR, routes: [{ headers, to: { version: '2' } }] }).call({ headers })).toBe('a');
    const strict = { headers, to: { version: '2' }, otherwise: 'fail' as const };
    expect(tested(only, { ...RR, routes: [strict] }).call({ headers })).toBeUndefined();
    // Where routes lead to all there are, so do the calls that none takes.
    expect(tested([instance('c', { version: '2' })], { ...RR, routes: [strict] }).call()).toBe('c');
  });
});

describe('zones', () => {
  const shares = (capacities: Record<string, number>, callers?: Record<string, number>) =>
    Object.fromEntries(
      zoneShares(new Map(Object.entries(capacities)), { name: 'a', ...(callers && { callers }) })?.map(
        ({ zone, share }) => [zone, Number(share.toFixed(6))],
      ) ?? [],
    );

  it('keep all calls at home where there is enough', () => {
    expect(shares({ a: 5, b: 5 })).toEqual({ a: 1 });
    expect(shares({ a: 4, b: 2 })).toEqual({ a: 1 });
    expect(shares({ a: 2, b: 8 }, { a: 1, b: 9 })).toEqual({ a: 1 });
  });

  it('send on what home can’t serve, to those with more capacity than callers, by what they have left', () => {
    // Home has a fifth of the capacity and half of the callers.
    expect(shares({ a: 2, b: 8 }, { a: 5, b: 5 })).toEqual({ a: 0.4, b: 0.6 });
    expect(shares({ a: 1, b: 1, c: 4 }, { a: 2, b: 2, c: 2 })).toEqual({ a: 0.5, c: 0.5 });
    expect(shares({ a: 1, b: 2, c: 3 }, { a: 4, b: 1, c: 1 })).toEqual({ a: 0.25, b: 0.25, c: 0.5 });
  });

  it('do not count where home has no instance, or there are few', () => {
    expect(zoneShares(new Map([['b', 3]]), { name: 'a' })).toBeUndefined();
    const three = instances(3, (i) => ({ zone: i === 0 ? 'a' : 'b' }));
    expect(tested(three, { ...RR, zone: { name: 'a' } }).calls(30)).toEqual({ i0: 10, i1: 10, i2: 10 });
  });

  it('serve all capacity alike when every zone’s callers do the same', () => {
    const callers = { a: 4, b: 1, c: 1 };
    const capacities = { a: 1, b: 2, c: 3 };
    const load: Record<string, number> = {};
    for (const [name, count] of Object.entries(callers))
      for (const { zone, share } of zoneShares(new Map(Object.entries(capacities)), { name, callers }) ?? [])
        load[zone] = (load[zone] ?? 0) + count * share;
    for (const [zone, capacity] of Object.entries(capacities))
      expect((load[zone] ?? 0) / capacity).toBeCloseTo(1, 6);
  });

  it('are preferred in picks', () => {
    const list = instances(9, (i) => ({ zone: 'abc'[i % 3] ?? '' }));
    expect(Object.keys(tested(list, { ...RR, zone: { name: 'a' } }).calls(30)).toSorted()).toEqual([
      'i0',
      'i3',
      'i6',
    ]);
  });

  it('go elsewhere when home has gone', () => {
    const list = instances(9, (i) => ({ zone: 'abc'[i % 3] ?? '' }));
    const { balancer, calls } = tested(list, { ...RR, zone: { name: 'a' } });
    balancer.update(list.filter(({ zone }) => zone !== 'a'));
    expect(Object.values(calls(60))).toEqual([10, 10, 10, 10, 10, 10]);
  });
});

describe('a subset', () => {
  const chosen = (list: ReturnType<typeof instances>, client: string) =>
    Object.keys(tested(list, { ...RR, subset: { size: 10, client } }).calls(100)).toSorted();

  it('is as large as asked for, the same again for the same client, and another for another', () => {
    const list = instances(100);
    expect(chosen(list, 'one')).toHaveLength(10);
    expect(chosen(list.toReversed(), 'one')).toEqual(chosen(list, 'one'));
    expect(chosen(list, 'two')).not.toEqual(chosen(list, 'one'));
    expect(chosen(instances(4), 'one')).toHaveLength(4);
  });

  it('changes by one when one comes or goes', () => {
    const before = chosen(instances(100), 'one');
    for (let n = 90; n <= 110; n++) {
      const after = chosen(instances(n), 'one');
      const lost = before.filter((id) => !after.includes(id));
      expect(lost.length).toBeLessThanOrEqual(Math.abs(n - 100));
    }
  });

  it('leaves no instance without clients', () => {
    const seen = new Set(Array.from({ length: 200 }, (_, i) => chosen(instances(100), `client ${i}`)).flat());
    expect(seen.size).toBe(100);
  });
});

describe('slow start', () => {
  const options = { policy: 'weighted-round-robin', slowStart: { windowMs: 10_000 } } as const;

  it('gives one that is new a tenth at first, half in the middle, and all in the end', () => {
    const { balancer, clock, calls } = tested(instances(1), options);
    balancer.update(instances(2));
    expect(calls(110)['i1']).toBe(10);
    clock.pass(5_000);
    expect(calls(1)).toBeDefined();
    expect(Math.round((calls(150)['i1'] ?? 0) / 10)).toBe(5);
    clock.pass(5_000);
    expect(Math.abs((calls(100)['i1'] ?? 0) - 50)).toBeLessThanOrEqual(1);
  });

  it('is over for those that were there first', () => {
    expect(tested(instances(2), options).balancer.report.map(({ weight }) => weight)).toEqual([1, 1]);
  });

  it('begins again for one that was ejected', () => {
    const { balancer, clock } = tested(instances(3), options);
    balancer.setHealth(instance('i0'), false);
    clock.pass(60_000);
    balancer.setHealth(instance('i0'), true);
    expect(balancer.report.map(({ weight }) => weight)).toEqual([0.1, 1, 1]);
    clock.pass(5_000);
    expect(balancer.report.map(({ weight }) => weight)).toEqual([0.5, 1, 1]);
  });
});

describe('a call that is tried again', () => {
  it.each([
    'round-robin',
    'weighted-round-robin',
    'random',
    'weighted-random',
    'least-active',
    'p2c-ewma',
    'consistent-hash',
    'sticky',
  ] as const)('goes to another instance by %s, as long as there is one', (policy) => {
    const list = instances(3);
    const { balancer, call } = tested(list, { policy });
    const [a, b, c] = list;
    if (!a || !b || !c) throw new Error('there are three');
    for (let i = 0; i < 50; i++) {
      const key = `key ${i}`;
      expect(call({ key, avoid: [a] })).not.toBe('i0');
      expect(call({ key, avoid: [a, b] })).toBe('i2');
      expect(['i0', 'i1', 'i2']).toContain(call({ key, avoid: [a, b, c] }));
    }
    balancer.update([a]);
    expect(call({ key: 'key', avoid: [a] })).toBe('i0');
  });

  it('goes to the least busy of the others for its weight', () => {
    const list = [instance('a'), instance('b', { weight: 4 }), instance('c')];
    const { balancer } = tested(list, { policy: { name: 'consistent-hash', maxLoad: 1_000 } });
    const key = Array.from({ length: 100 }, (_, i) => `key ${i}`).find((each) => {
      const pick = balancer.pick({ key: each });
      pick?.done();
      return pick?.instance.id === 'a';
    });
    if (key === undefined) throw new Error('no key leads to a');
    const counts = { b: 0, c: 0 };
    for (let i = 0; i < 10; i++) {
      const id = balancer.pick({ key, avoid: list.slice(0, 1) })?.instance.id;
      if (id === 'b' || id === 'c') counts[id]++;
    }
    expect(counts).toEqual({ b: 8, c: 2 });
  });
});
