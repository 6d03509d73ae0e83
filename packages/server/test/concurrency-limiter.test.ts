import { describe, expect, it } from 'vitest';
import { RegistryError } from '@rollcall/core';
import { ManualClock, seededRandom } from '@rollcall/core/testing';
import { ConcurrencyLimiter, type ConcurrencyLimiterOptions } from '../src/index.ts';
import { SimulatedServer } from './support/simulated-server.ts';

const SEEDS = [1, 2, 3];

/** The latencies of an exponential service without a queue, as multiples of its mean. */
const MEDIAN = Math.LN2;
const P99 = Math.log(100);

describe.each([
  { workers: 4, serviceMs: 50 },
  { workers: 10, serviceMs: 50 },
  { workers: 32, serviceMs: 20 },
])('a server that does $workers things at once, each $serviceMs ms long', ({ workers, serviceMs }) => {
  const perS = (workers * 1_000) / serviceMs;
  const serverOf = (seed: number) => new SimulatedServer({ workers, serviceMs, random: seededRandom(seed) });

  it.each(SEEDS)('under three times its load does all it can, with a short queue (seed %i)', (seed) => {
    const server = serverOf(seed);
    server.run(3 * perS, 10_000);
    const { donePerS, medianMs, p99Ms, limit } = server.run(3 * perS, 180_000);
    expect(donePerS).toBeGreaterThan(0.95 * perS);
    expect(limit.mean).toBeGreaterThan(workers);
    expect(limit.mean).toBeLessThan(2.5 * workers);
    expect(medianMs).toBeLessThan(3 * MEDIAN * serviceMs);
    expect(p99Ms).toBeLessThan(1.5 * P99 * serviceMs);
  });

  it.each(SEEDS)('refuses nothing at half its load (seed %i)', (seed) => {
    const server = serverOf(seed);
    // Where it begins with less than the server can do, bursts are refused at first.
    server.run(perS / 2, 10_000);
    expect(server.run(perS / 2, 120_000).shedPerS).toBe(0);
  });

  it.each(SEEDS)('refuses little at nine tenths of its load (seed %i)', (seed) => {
    const { shedPerS, offeredPerS } = serverOf(seed).run(0.9 * perS, 120_000);
    expect(shedPerS / offeredPerS).toBeLessThan(0.06);
  });
});

describe('a server whose room changes', () => {
  it('gets less when it can do less, and more again when it can do more', () => {
    const server = new SimulatedServer({ workers: 40, serviceMs: 20, random: seededRandom(5) });
    const perS = (40 * 1_000) / 20;
    server.run(2 * perS, 10_000);
    const well = server.run(2 * perS, 10_000);
    server.workers = 8;
    server.run(2 * perS, 5_000);
    const ill = server.run(2 * perS, 10_000);
    server.workers = 40;
    server.run(2 * perS, 20_000);
    const again = server.run(2 * perS, 10_000);
    expect(well.limit.mean).toBeGreaterThan(40);
    expect(ill.limit.mean).toBeLessThan(24);
    expect(ill.donePerS).toBeGreaterThan(0.85 * (perS / 5));
    expect(again.limit.mean).toBeGreaterThan(40);
    expect(again.donePerS).toBeGreaterThan(0.95 * perS);
  });

  it('is not held down for ever when its work takes longer for good', () => {
    const server = new SimulatedServer({ workers: 20, serviceMs: 10, random: seededRandom(6) });
    server.run(4_000, 20_000);
    server.serviceMs = 50;
    server.run(800, 20_000);
    expect(server.run(800, 60_000).donePerS).toBeGreaterThan(0.9 * 400);
  });
});

describe('the limiter', () => {
  const limiterOf = (options: ConcurrencyLimiterOptions = {}) => {
    const clock = new ManualClock();
    return { clock, limiter: new ConcurrencyLimiter({ clock, ...options }) };
  };

  it('lets in as many as its limit, and the next when one has ended', () => {
    const { limiter } = limiterOf({ initialLimit: 2, minLimit: 2 });
    const first = limiter.enter();
    expect(limiter.enter()).toBeDefined();
    expect(limiter.enter()).toBeUndefined();
    expect(limiter.numbers).toMatchObject({ limit: 2, inFlight: 2, admitted: 2, shed: 1 });
    first?.done();
    expect(limiter.enter()).toBeDefined();
  });

  it('counts the end of work once', () => {
    const { limiter } = limiterOf();
    const ticket = limiter.enter();
    limiter.enter();
    ticket?.done();
    ticket?.done();
    expect(limiter.numbers.inFlight).toBe(1);
  });

  it('learns nothing from work that is no sample', async () => {
    const { clock, limiter } = limiterOf({ windowSamples: 1, windowMs: 1 });
    const failed = limiter.enter();
    const good = limiter.enter();
    await clock.advance(10);
    failed?.done(false);
    expect(limiter.numbers.latencyMs).toBeUndefined();
    good?.done();
    expect(limiter.numbers).toMatchObject({ latencyMs: 10, minLatencyMs: 10, inFlight: 0 });
  });

  it('stays within its bounds, whatever the latencies', async () => {
    const { clock, limiter } = limiterOf({ minLimit: 5, maxLimit: 30, windowSamples: 1, windowMs: 1 });
    const random = seededRandom(9);
    for (let i = 0; i < 2_000; i++) {
      const tickets = Array.from({ length: limiter.numbers.limit + 1 }, () => limiter.enter());
      // oxlint-disable-next-line no-await-in-loop -- time passes in between
      await clock.advance(random() < 0.1 ? 0 : random() * 1_000);
      for (const ticket of tickets) ticket?.done();
      expect(limiter.numbers.limit).toBeGreaterThanOrEqual(5);
      expect(limiter.numbers.limit).toBeLessThanOrEqual(30);
      expect(limiter.numbers.inFlight).toBe(0);
    }
  });

  it.each([
    ['minLimit', { minLimit: 0 }],
    ['minLimit', { minLimit: 10, maxLimit: 5 }],
    ['maxLimit', { maxLimit: Number.POSITIVE_INFINITY }],
    ['initialLimit', { initialLimit: Number.NaN }],
    ['tolerance', { tolerance: 0.9 }],
    ['windowMs', { windowMs: 0 }],
    ['windowSamples', { windowSamples: -1 }],
    ['baselineMs', { baselineMs: Number.NaN }],
  ])('refuses a bad %s', (field, options) => {
    const make = () => new ConcurrencyLimiter(options);
    expect(make).toThrow(RegistryError);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', field }));
  });
});
