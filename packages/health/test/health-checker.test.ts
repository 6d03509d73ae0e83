import { defineInstance, type ServiceInstance } from '@rollcall/core';
import { ManualClock, seededRandom, settle } from '@rollcall/core/testing';
import { Balancer } from '@rollcall/balancer';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HealthChecker, type HealthCheckerOptions } from '../src/index.ts';

function instances(count: number): readonly ServiceInstance[] {
  return Array.from({ length: count }, (_, i) =>
    defineInstance({ service: 'users', id: `i${i}`, host: '10.0.0.7', port: 1 + i }),
  );
}

/** A checker in a test's hand: who is ill, what it told, and when it looked. */
function checker(count: number, options: Partial<HealthCheckerOptions> = {}) {
  const clock = new ManualClock();
  const ill = new Set<string>();
  const told: string[] = [];
  const looks: { readonly id: string; readonly at: number }[] = [];
  const made = new HealthChecker({
    clock,
    random: seededRandom(3),
    probe: ({ id }) => {
      looks.push({ id, at: clock.now() });
      return ill.has(id) ? Promise.reject(new Error('503')) : Promise.resolve();
    },
    onChange: ({ id }, isWell, reason) =>
      told.push(
        `${id} is ${isWell ? 'well' : `ill: ${reason?.message}`} at ${Math.ceil(clock.now() / 1_000)} s`,
      ),
    ...options,
  });
  onTestFinished(() => made.close());
  made.update(instances(count));
  return { clock, ill, told, looks, checker: made };
}

describe('an instance', () => {
  it('is ill after three looks that failed in a row, and well after one that did not', async () => {
    const { clock, ill, told } = checker(1);
    await clock.advance(10_000);
    expect(told).toEqual([]);
    ill.add('i0');
    await clock.advance(16_600);
    expect(told).toEqual([expect.stringMatching(/^i0 is ill: 503 at \d+ s$/u)]);
    ill.delete('i0');
    await clock.advance(5_600);
    expect(told).toEqual([expect.anything(), expect.stringMatching(/^i0 is well at /u)]);
  });

  it('that fails now and then is not ill', async () => {
    const { clock, ill, told } = checker(1);
    for (let n = 0; n < 20; n++) {
      if (n % 3 === 2) ill.delete('i0');
      else ill.add('i0');
      // The interval, so there is one look in each, or nearly.
      await clock.advance(5_000);
    }
    expect(told).toEqual([]);
  });

  it('that does not answer in time has failed, also where the probe never ends', async () => {
    const { clock, told } = checker(1, { probe: () => new Promise(() => {}) });
    await clock.advance(25_000);
    expect(told).toEqual([expect.stringMatching(/^i0 is ill: no answer within 2000 ms/u)]);
  });

  it('keeps its state while it stays, begins anew at another address, and is forgotten when it leaves', async () => {
    const { clock, ill, checker: it3, looks } = checker(3);
    ill.add('i0');
    await clock.advance(20_000);
    const state = () => it3.report.map(({ instance: { id }, isWell }) => `${id} ${isWell}`);
    expect(state()).toEqual(['i0 false', 'i1 true', 'i2 true']);
    it3.update(instances(3).map((each) => ({ ...each, weight: 7 })));
    expect(state()).toEqual(['i0 false', 'i1 true', 'i2 true']);
    it3.update(instances(2).map((each) => (each.id === 'i0' ? { ...each, host: '10.0.0.8' } : each)));
    expect(state()).toEqual(['i0 true', 'i1 true']);
    looks.length = 0;
    await clock.advance(10_000);
    expect(new Set(looks.map(({ id }) => id))).toEqual(new Set(['i0', 'i1']));
  });
});

describe('looks', () => {
  it('of a thousand are spread over the interval, at first and for ever', async () => {
    const { clock, looks } = checker(1_000);
    await clock.advance(60_000);
    const busiest = (from: number, to: number) => {
      const counts = new Map<number, number>();
      for (const { at } of looks)
        if (at >= from && at < to)
          counts.set(Math.floor(at / 100), (counts.get(Math.floor(at / 100)) ?? 0) + 1);
      return Math.max(...counts.values());
    };
    // On average twenty in a tenth of a second.
    expect(busiest(0, 5_000)).toBeLessThan(45);
    expect(busiest(50_000, 60_000)).toBeLessThan(45);
    expect(looks.length).toBeGreaterThan(11_000);
    expect(looks.length).toBeLessThan(13_000);
  });

  it('are no more at the same time than is said, and those that wait come later', async () => {
    let underWay = 0;
    let most = 0;
    const clock = new ManualClock();
    const { checker: many } = checker(200, {
      clock,
      maxAtOnce: 5,
      probe: async (_instance, signal) => {
        most = Math.max(most, ++underWay);
        await new Promise<void>((resolve) => {
          clock.after(100, resolve);
          signal.addEventListener('abort', () => resolve());
        });
        underWay--;
      },
    });
    await clock.advance(20_000);
    expect(most).toBe(5);
    expect(many.report.filter(({ inRow }) => inRow > 0)).toHaveLength(200);
    expect(many.report.every(({ isWell }) => isWell)).toBe(true);
  });

  it('end when it is closed: no timer and no probe is left', async () => {
    const clock = new ManualClock();
    let ended = 0;
    const { checker: closing } = checker(20, {
      clock,
      maxAtOnce: 4,
      probe: (_instance, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            ended++;
            reject(signal.reason as Error);
          }),
        ),
    });
    await clock.advance(4_900);
    closing.close();
    await settle();
    expect(ended).toBeGreaterThan(0);
    expect(clock.pending).toBe(0);
    closing.update(instances(3));
    expect(clock.pending).toBe(0);
    expect(closing.report).toEqual([]);
  });
});

it('what it finds takes instances out of a balancer, and puts them back', async () => {
  const clock = new ManualClock();
  const balancer = new Balancer({ clock, policy: 'round-robin' });
  const { ill } = checker(3, { clock, onChange: (instance, isWell) => balancer.setHealth(instance, isWell) });
  balancer.update(instances(3));
  const picked = () => {
    const ids = Array.from({ length: 30 }, () => {
      const pick = balancer.pick();
      pick?.done();
      return pick?.instance.id ?? 'none';
    });
    return [...new Set(ids)].toSorted();
  };
  ill.add('i1');
  await clock.advance(20_000);
  expect(picked()).toEqual(['i0', 'i2']);
  ill.delete('i1');
  await clock.advance(6_000);
  expect(picked()).toEqual(['i0', 'i1', 'i2']);
});

it.each<[string, object]>([
  ['intervalMs', { intervalMs: 0 }],
  ['timeoutMs', { timeoutMs: Number.NaN }],
  ['failures', { failures: 0 }],
  ['successes', { successes: -1 }],
  ['maxAtOnce', { maxAtOnce: 0 }],
])('%s that can’t be is an error that names it', (field, options) => {
  const make = () => new HealthChecker({ probe: () => Promise.resolve(), onChange() {}, ...options });
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field }) as Error);
});
