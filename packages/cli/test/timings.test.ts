import { describe, expect, it } from 'vitest';
import { measureRate, timingsOf } from '../src/bench/timings.ts';

const signal = new AbortController().signal;

describe('timings', () => {
  it('are times that were measured, by nearest rank', () => {
    const tookMs = Array.from({ length: 200 }, (_, at) => 200 - at);
    expect(timingsOf(tookMs)).toEqual({ count: 200, p50Ms: 100, p99Ms: 198, maxMs: 200 });
    expect(timingsOf([7])).toEqual({ count: 1, p50Ms: 7, p99Ms: 7, maxMs: 7 });
    expect(timingsOf([])).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
  });
});

describe('a rate', () => {
  it('is of so many calls at once, and no more', async () => {
    let [under, most, calls] = [0, 0, 0];
    const work = Array.from({ length: 20 }, () => async () => {
      most = Math.max(most, ++under);
      await Promise.resolve();
      [under, calls] = [under - 1, calls + 1];
    });
    const rate = await measureRate(work.values(), { atOnce: 4, signal });
    expect([rate.count, calls, most]).toEqual([20, 20, 4]);
    expect(rate.perSecond).toBeCloseTo((20 * 1_000) / rate.tookMs);
  });

  it('ends with the first failure, once what had begun is over', async () => {
    const done: number[] = [];
    const work = [0, 1, 2, 3].map((at) => async () => {
      if (at === 1) throw new Error('no');
      await new Promise((resolve) => setImmediate(resolve));
      done.push(at);
    });
    await expect(measureRate(work.values(), { atOnce: 2, signal })).rejects.toThrow('no');
    expect(done).toEqual([0]);
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    let calls = 0;
    const work = Array.from({ length: 9 }, () => () => {
      if (++calls === 3) controller.abort();
      return Promise.resolve();
    });
    const { count } = await measureRate(work.values(), { atOnce: 1, signal: controller.signal });
    expect(count).toBe(3);
  });
});
