import { ManualClock, seededRandom } from '@rollcall/core/testing';
import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../src/retry-budget.ts';
import { Throttle } from '../src/throttle.ts';

describe('a retry budget', () => {
  const withdrawn = (budget: RetryBudget) => {
    let count = 0;
    while (budget.withdraw()) count++;
    return count;
  };

  it('has a share of the calls, and a reserve for those that make few', () => {
    const budget = new RetryBudget({ ratio: 0.1, perSecond: 2 }, new ManualClock());
    expect(withdrawn(budget)).toBe(20);
    for (let i = 0; i < 99; i++) budget.deposit();
    expect(withdrawn(budget)).toBe(9);
  });

  it('forgets calls and retries of more than ten seconds ago', async () => {
    const clock = new ManualClock();
    const budget = new RetryBudget({ ratio: 1, perSecond: 1 }, clock);
    for (let i = 0; i < 50; i++) budget.deposit();
    await clock.advance(5_000);
    expect(withdrawn(budget)).toBe(60);
    await clock.advance(5_000);
    // The calls are forgotten, and what was drawn on them isn't yet.
    expect(withdrawn(budget)).toBe(0);
    await clock.advance(5_000);
    expect(withdrawn(budget)).toBe(10);
    await clock.advance(1_000_000);
    expect(withdrawn(budget)).toBe(10);
  });
});

describe('a throttle', () => {
  it('holds nothing back while enough is taken', () => {
    const throttle = new Throttle({}, new ManualClock(), seededRandom(1));
    for (let i = 0; i < 1_000; i++) {
      expect(throttle.allows()).toBe(true);
      if (i % 2 === 0) throttle.accepted();
    }
    expect(throttle.rejects).toBeLessThan(0.001);
  });

  it('makes K times as many calls as are taken, in the long run', async () => {
    for (const k of [1.1, 2, 3]) {
      const clock = new ManualClock();
      const throttle = new Throttle({ k }, clock, seededRandom(2));
      let [made, taken] = [0, 0];
      for (let second = 0; second < 600; second++) {
        // 100 calls a second are wanted; 10 are taken.
        let left = 10;
        for (let i = 0; i < 100; i++) {
          if (!throttle.allows()) continue;
          if (second >= 300) made++;
          if (left-- <= 0) continue;
          throttle.accepted();
          if (second >= 300) taken++;
        }
        await clock.advance(1_000);
      }
      expect(made / taken).toBeGreaterThan(k * 0.9);
      expect(made / taken).toBeLessThan(k * 1.1 + 0.1);
    }
  });

  it('lets all through again when the service has taken calls for a window', async () => {
    const clock = new ManualClock();
    const throttle = new Throttle({ windowMs: 1_000 }, clock, seededRandom(3));
    for (let i = 0; i < 100; i++) throttle.allows();
    expect(throttle.rejects).toBeGreaterThan(0.98);
    await clock.advance(1_100);
    expect(throttle.rejects).toBe(0);
  });
});
