import { RegistryError, type ServiceInstance } from '@rollcall/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Balancer, type BalancerOptions, POLICIES, type Pick } from '../src/index.ts';
import { instance, instances, tested } from './balancer-under-test.ts';

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('call' as const),
        key: fc.option(fc.string(), { nil: undefined }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        which: fc.nat(30),
        outcome: fc.constantFrom(
          'success' as const,
          'failure' as const,
          'failure' as const,
          'ignored' as const,
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('list' as const),
        ids: fc.uniqueArray(fc.nat(11), { maxLength: 12 }),
        weights: fc.array(fc.constantFrom(0, 0.5, 1, 1, 3, 1_000_000), { minLength: 12, maxLength: 12 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('health' as const), id: fc.nat(11), isWell: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(60_000) }) },
  ),
  { maxLength: 200 },
);

const optionSets = fc.record(
  {
    zone: fc.constant({ name: 'a', minInstances: 2 }),
    slowStart: fc.constant({ windowMs: 20_000 }),
    subset: fc.constant({ size: 5, client: 'me' }),
    routes: fc.constant([{ percent: 30, to: { version: '2' } }]),
    ejection: fc.constantFrom(false as const, { consecutiveFailures: 2, baseMs: 5_000 }),
  },
  { requiredKeys: [] },
);

describe.each(POLICIES)('whatever happens, %s', (policy) => {
  it('picks only what is listed, may be called and isn’t ejected, and somebody where there is one', () => {
    fc.assert(
      fc.property(optionSets, steps, (options, history) => {
        const { balancer, clock } = tested([], { ...(options as BalancerOptions), policy });
        let listed = new Map<string, ServiceInstance>();
        const open: Pick[] = [];
        for (const step of history) {
          if (step.do === 'pass') clock.pass(step.ms);
          else if (step.do === 'health') balancer.setHealth(instance(`i${step.id}`), step.isWell);
          else if (step.do === 'end') open[step.which % Math.max(1, open.length)]?.done(step.outcome);
          else if (step.do === 'list') {
            const list = step.ids.map((id) =>
              instance(`i${id}`, {
                weight: step.weights[id] ?? 1,
                zone: 'abc'[id % 3] ?? '',
                version: String(1 + (id % 2)),
              }),
            );
            listed = new Map(list.map((each) => [each.id, each]));
            balancer.update(list);
          } else {
            const report = new Map(balancer.report.map((each) => [each.instance.id, each]));
            const pick = balancer.pick(step.key === undefined ? {} : { key: step.key });
            const usable = [...report.values()].filter(({ weight }) => weight > 0);
            expect(pick === undefined).toBe(usable.length === 0);
            if (!pick) continue;
            const { id } = pick.instance;
            expect(listed.get(id)).toBe(pick.instance);
            expect(pick.instance.weight).toBeGreaterThan(0);
            if (!balancer.isPanic) expect(report.get(id)?.ejectedForMs).toBe(0);
            open.push(pick);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps nothing of instances that came and went', () => {
    const { balancer, call } = tested([], { policy });
    for (let n = 0; n < 2_000; n++) {
      balancer.update([instance(`one-${n}`), instance(`two-${n}`), instance('stays')]);
      call({ key: `${n}` });
    }
    expect(balancer.report).toHaveLength(3);
    expect(balancer.report.map(({ running }) => running)).toEqual([0, 0, 0]);
  });
});

describe('done', () => {
  it('counts once, however often it is called', () => {
    const { balancer } = tested(instances(1), { policy: 'least-active' });
    const [first, second] = [balancer.pick(), balancer.pick()];
    expect(balancer.report[0]?.running).toBe(2);
    for (let n = 0; n < 5; n++) first?.done();
    expect(balancer.report[0]?.running).toBe(1);
    second?.done();
    expect(balancer.report[0]?.running).toBe(0);
  });

  it('never comes down to fewer calls than there are, also when it is called on a pick that is used again', () => {
    const { balancer } = tested(instances(2), { policy: 'least-active' });
    const old = balancer.pick();
    old?.done();
    const again = balancer.pick();
    old?.done();
    again?.done();
    expect(balancer.report.map(({ running }) => running)).toEqual([0, 0]);
  });

  it('that is never called is forgotten after twenty minutes, and one that takes long is not counted twice', () => {
    const { balancer, clock } = tested(instances(2), { policy: 'least-active', random: () => 0 });
    const picks = [balancer.pick(), balancer.pick()];
    clock.pass(15 * 60_000);
    expect(balancer.report.map(({ running }) => running)).toEqual([1, 1]);
    clock.pass(15 * 60_000);
    expect(balancer.report.map(({ running }) => running)).toEqual([0, 0]);
    for (const pick of picks) pick?.done();
    expect(balancer.report.map(({ running }) => running)).toEqual([0, 0]);
  });

  it('in the time after the one that it began in counts', () => {
    const { balancer, clock } = tested(instances(1), { policy: 'least-active' });
    const pick = balancer.pick();
    clock.pass(11 * 60_000);
    expect(balancer.report[0]?.running).toBe(1);
    pick?.done();
    expect(balancer.report[0]?.running).toBe(0);
  });

  it('of a call to one that has left does no harm', () => {
    const { balancer } = tested(instances(1));
    const pick = balancer.pick();
    balancer.update([instance('other')]);
    pick?.done('failure');
    expect(balancer.report).toMatchObject([{ instance: { id: 'other' }, running: 0, ejectedForMs: 0 }]);
  });
});

describe('choose', () => {
  it('gives the instances in the order of the policy, and counts no call', () => {
    const { balancer } = tested(instances(3), { policy: 'round-robin' });
    const chosen = Array.from({ length: 7 }, () => balancer.choose()?.id);
    expect(new Set(chosen.slice(0, 3)).size).toBe(3);
    expect(chosen.slice(3)).toEqual([...chosen.slice(0, 3), chosen[0]]);
    expect(balancer.report.map(({ running }) => running)).toEqual([0, 0, 0]);
  });

  it('keeps to keys, routes and whom to avoid, as pick does, and gives nobody where there is none', () => {
    const { balancer } = tested(instances(3), {
      policy: 'consistent-hash',
      routes: [{ to: { metadata: { canary: 'yes' } }, headers: { 'x-canary': 'yes' }, otherwise: 'fail' }],
    });
    const home = balancer.choose({ key: 'a' });
    expect(balancer.choose({ key: 'a' })).toBe(home);
    expect(balancer.choose({ key: 'a', avoid: home ? [home] : [] })).not.toBe(home);
    expect(balancer.choose({ headers: { 'x-canary': 'yes' } })).toBeUndefined();
    balancer.update([]);
    expect(balancer.choose()).toBeUndefined();
  });
});

describe('bad input', () => {
  const refused = (options: unknown) => {
    try {
      return new Balancer(options as BalancerOptions);
    } catch (error) {
      return error;
    }
  };

  it.each<[string, object, string]>([
    ['a policy that there is not', { policy: 'fastest' }, 'policy'],
    ['a share above 1', { panicThreshold: 2 }, 'panicThreshold'],
    ['a NaN', { panicThreshold: Number.NaN }, 'panicThreshold'],
    ['a percentage above 100', { routes: [{ percent: 101, to: { version: '2' } }] }, 'routes[0].percent'],
    ['a route to anywhere', { routes: [{ to: {} }] }, 'routes[0].to'],
    ['a zone without a name', { zone: { name: '' } }, 'zone.name'],
    ['fewer than no callers', { zone: { name: 'a', callers: { a: -1 } } }, 'zone.callers.a'],
    ['an empty subset', { subset: { size: 0, client: 'a' } }, 'subset.size'],
    ['no time to warm up in', { slowStart: { windowMs: 0 } }, 'slowStart.windowMs'],
    ['ejection after no failure', { ejection: { consecutiveFailures: 0 } }, 'ejection.consecutiveFailures'],
    ['ejection of more than all', { ejection: { maxShare: 1.5 } }, 'ejection.maxShare'],
    ['a memory that is over at once', { policy: { name: 'p2c-ewma', decayMs: 0 } }, 'policy.decayMs'],
    ['a load below what is there', { policy: { name: 'consistent-hash', maxLoad: 0.5 } }, 'policy.maxLoad'],
    ['a ring without points', { policy: { name: 'consistent-hash', points: 0 } }, 'policy.points'],
    ['no memory of keys', { policy: { name: 'sticky', maxKeys: 0 } }, 'policy.maxKeys'],
  ])('%s is an error that names it', (_what, options, field) => {
    const error = refused(options);
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', field });
  });

  it('an unknown policy is answered with those that there are', () => {
    expect(String(refused({ policy: 'fastest' }))).toContain('round-robin, weighted-round-robin');
  });

  it.each([Number.NaN, -1, Infinity, '3'])(
    'a weight of %s is an error, and the list is as it was',
    (weight) => {
      const { balancer, call } = tested([instance('a')]);
      const bad = { ...instance('b'), weight } as ServiceInstance;
      expect(() => balancer.update([instance('c'), bad])).toThrow(/weight of b must be a number from 0/u);
      expect(call()).toBe('a');
    },
  );

  it.each(['consistent-hash', 'sticky'] as const)('a key that is no text is an error of %s', (policy) => {
    const { balancer } = tested(instances(2), { policy });
    expect(() => balancer.pick({ key: 7 as unknown as string })).toThrow(/key must be a string/u);
  });
});
