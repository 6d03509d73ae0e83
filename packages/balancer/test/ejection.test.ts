import { describe, expect, it } from 'vitest';
import type { EjectionOptions } from '../src/index.ts';
import { instance, instances, tested, type Tested } from './balancer-under-test.ts';

/** Calls, of which those to an instance fail that `isBad`; `everyMs` apart. */
function traffic(
  { balancer, clock }: Tested,
  calls: number,
  isBad: (id: string, n: number) => boolean,
  everyMs = 10,
) {
  const counts: Record<string, number> = {};
  for (let n = 0; n < calls; n++) {
    const pick = balancer.pick();
    const id = pick?.instance.id ?? 'none';
    counts[id] = (counts[id] ?? 0) + 1;
    clock.pass(everyMs);
    pick?.done(isBad(id, n) ? 'failure' : 'success');
  }
  return counts;
}

function ejected({ balancer }: Tested): string[] {
  return balancer.report.filter(({ ejectedForMs }) => ejectedForMs > 0).map(({ instance: { id } }) => id);
}

const setUp = (count: number, ejection: EjectionOptions = {}) =>
  tested(instances(count), { policy: 'round-robin', ejection });
const ONLY_CONSECUTIVE: EjectionOptions = { successRate: false, failurePercentage: false };

describe('failures in a row', () => {
  it('eject after five, for 30 s; each further time for so much longer', () => {
    const it10 = setUp(10, ONLY_CONSECUTIVE);
    const bad = (id: string) => id === 'i0';
    expect(traffic(it10, 200, bad)['i0']).toBe(5);
    expect(ejected(it10)).toEqual(['i0']);
    it10.clock.pass(28_000);
    expect(traffic(it10, 9, bad)).not.toHaveProperty('i0');
    it10.clock.pass(1_000);
    expect(traffic(it10, 100, bad)['i0']).toBe(5);
    const { ejectedForMs } = it10.balancer.report.find(({ instance: { id } }) => id === 'i0') ?? {
      ejectedForMs: 0,
    };
    expect(ejectedForMs).toBeGreaterThan(58_000);
    expect(ejectedForMs).toBeLessThanOrEqual(60_000);
  });

  it('are counted as an ejection each time, also when it is over', () => {
    const ten = setUp(10, ONLY_CONSECUTIVE);
    expect(ten.balancer.ejections).toBe(0);
    traffic(ten, 200, (id) => id === 'i0');
    expect(ten.balancer.ejections).toBe(1);
    ten.clock.pass(28_000);
    traffic(ten, 200, (id) => id === 'i0');
    expect(ten.balancer.ejections).toBe(2);
    expect(tested(instances(1), { ejection: false }).balancer.ejections).toBe(0);
  });

  it('count anew after a success', () => {
    const two = setUp(2, ONLY_CONSECUTIVE);
    traffic(two, 100, (id, n) => id === 'i0' && n % 8 > 1);
    expect(ejected(two)).toEqual([]);
  });

  it('that say nothing of the instance do not count', () => {
    const { balancer } = setUp(1, ONLY_CONSECUTIVE);
    for (let n = 0; n < 20; n++) balancer.pick()?.done('ignored');
    expect(balancer.report[0]?.ejectedForMs).toBe(0);
  });

  it('last no longer than the longest', () => {
    const five = setUp(5, { ...ONLY_CONSECUTIVE, baseMs: 1_000, maxMs: 2_500, intervalMs: 3_600_000 });
    const times: number[] = [];
    for (let n = 0; n < 4; n++) {
      traffic(five, 50, (id) => id === 'i0', 1);
      times.push(Math.ceil((five.balancer.report[0]?.ejectedForMs ?? 0) / 500) / 2);
      five.clock.pass(2_500);
    }
    expect(times).toEqual([1, 2, 2.5, 2.5]);
  });

  it('are forgiven, one for each interval without', () => {
    const five = setUp(5, { ...ONLY_CONSECUTIVE, baseMs: 1_000, intervalMs: 5_000 });
    const next = () => {
      traffic(five, 50, (id) => id === 'i0', 1);
      return Math.ceil((five.balancer.report[0]?.ejectedForMs ?? 0) / 1_000);
    };
    const lengths = [next()];
    five.clock.pass(1_000);
    lengths.push(next());
    traffic(five, 2_000, () => false, 10);
    lengths.push(next());
    expect(lengths).toEqual([1, 2, 1]);
  });
});

describe('rates', () => {
  it('eject one of ten that fails half of its calls within seconds, and put it back when it is well', () => {
    const ten = setUp(10, { consecutiveFailures: false, baseMs: 5_000 });
    let isIll = true;
    const bad = (id: string, n: number) => isIll && id === 'i0' && n % 20 < 10;
    traffic(ten, 700, bad);
    expect(ejected(ten)).toEqual(['i0']);
    isIll = false;
    ten.clock.pass(5_000);
    expect(traffic(ten, 100, bad)['i0']).toBe(10);
    expect(ejected(ten)).toEqual([]);
  });

  it('judge nobody by a few calls', () => {
    const ten = setUp(10, { consecutiveFailures: false });
    traffic(ten, 150, (id) => id === 'i0', 100);
    expect(ejected(ten)).toEqual([]);
  });

  it('compare with the others: where all fail alike, success rates eject nobody', () => {
    const ten = setUp(10, { consecutiveFailures: false, failurePercentage: false });
    traffic(ten, 3_000, (_id, n) => n % 3 === 0);
    expect(ejected(ten)).toEqual([]);
  });
});

describe('how many are ejected', () => {
  it('one can always be, also of two', () => {
    const two = setUp(2, { ...ONLY_CONSECUTIVE, maxShare: 0.1 });
    traffic(two, 40, (id) => id === 'i0');
    expect(ejected(two)).toEqual(['i0']);
    expect(traffic(two, 10, () => false)).toEqual({ i1: 10 });
  });

  it('no more than the largest share', () => {
    const ten = setUp(10, { ...ONLY_CONSECUTIVE, maxShare: 0.3 });
    traffic(ten, 500, (id) => Number(id.slice(1)) < 6);
    expect(ejected(ten)).toHaveLength(3);
  });

  it('where it is the only one it gets calls all the same', () => {
    const one = setUp(1, ONLY_CONSECUTIVE);
    traffic(one, 10, () => true);
    expect(ejected(one)).toEqual(['i0']);
    expect(one.balancer.isPanic).toBe(true);
    expect(one.call()).toBe('i0');
  });
});

describe('an active check', () => {
  it('takes one out until it says that it is well, whatever calls show', () => {
    const three = setUp(3);
    const [i0] = instances(1);
    if (!i0) throw new Error('no instance');
    three.balancer.setHealth(i0, false);
    three.clock.pass(10 * 60_000);
    expect(three.calls(30)).toEqual({ i1: 15, i2: 15 });
    three.balancer.setHealth(i0, true);
    expect(three.calls(30)).toEqual({ i0: 10, i1: 10, i2: 10 });
  });

  it('puts one back early that calls had ejected', () => {
    const three = setUp(3, ONLY_CONSECUTIVE);
    traffic(three, 30, (id) => id === 'i0');
    expect(ejected(three)).toEqual(['i0']);
    three.balancer.setHealth(instance('i0'), true);
    expect(ejected(three)).toEqual([]);
    expect(three.calls(30)).toEqual({ i0: 10, i1: 10, i2: 10 });
  });

  it('of one that is not listed changes nothing', () => {
    const three = setUp(3);
    three.balancer.setHealth(instance('stranger'), false);
    expect(Object.keys(three.calls(30))).toHaveLength(3);
  });

  it('in panic, when more than half are ill, all get calls', () => {
    const four = setUp(4);
    for (const id of ['i0', 'i1']) four.balancer.setHealth(instance(id), false);
    expect(four.balancer.isPanic).toBe(false);
    expect(Object.keys(four.calls(20)).toSorted()).toEqual(['i2', 'i3']);
    four.balancer.setHealth(instance('i2'), false);
    expect(four.balancer.isPanic).toBe(true);
    expect(Object.keys(four.calls(20))).toHaveLength(4);
  });
});

it('what is known of an instance stays when the list changes, and goes with its address', () => {
  const three = setUp(3, ONLY_CONSECUTIVE);
  traffic(three, 30, (id) => id === 'i0');
  three.balancer.update(instances(3, () => ({ weight: 2 })));
  expect(ejected(three)).toEqual(['i0']);
  three.balancer.update([instance('i0', { host: 'elsewhere' }), instance('i1'), instance('i2')]);
  expect(ejected(three)).toEqual([]);
});
