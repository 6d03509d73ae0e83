import { type Clock, invalidArgument, systemClock } from '@rollcall/core';

export interface ConcurrencyLimiterOptions {
  /** So many at once at first. Defaults to 20. */
  readonly initialLimit?: number;
  /** Never fewer. Defaults to 3. */
  readonly minLimit?: number;
  /** Never more. Defaults to 1 000. */
  readonly maxLimit?: number;
  /** A latency up to so many times the best one is no sign of a queue. Defaults to 1.5. */
  readonly tolerance?: number;
  /** The limit is reckoned anew after this long, in milliseconds, and {@link ConcurrencyLimiterOptions.windowSamples}. Defaults to 250. */
  readonly windowMs?: number;
  /** A window has so many latencies at least. Defaults to 50. */
  readonly windowSamples?: number;
  /** How long the best latency is believed, in milliseconds. Defaults to 60 000. */
  readonly baselineMs?: number;
  readonly clock?: Clock;
}

/** What a limiter knows, at this moment. */
export interface LimiterNumbers {
  /** So many may be under way at once. */
  readonly limit: number;
  readonly inFlight: number;
  /** How many were let in, and how many refused, since the beginning. */
  readonly admitted: number;
  readonly shed: number;
  /** The median latency of the last window, in milliseconds; `undefined` before the first. */
  readonly latencyMs: number | undefined;
  /** The median latency without a queue, in milliseconds; `undefined` before it is known. */
  readonly minLatencyMs: number | undefined;
}

/** Leave to do one piece of work. */
export interface Ticket {
  /**
   * The work has ended. Calls after the first do nothing.
   *
   * @param isSample whether its latency tells of the server: that of work that was cut short or failed at once doesn't.
   */
  done(isSample?: boolean): void;
}

/** Gradients beyond these are taken for outliers: what Envoy allows. */
const GRADIENT = { min: 0.5, max: 2 };

/** To measure the best latency while work is refused, only this share of it is let in. */
const PROBE_SHARE = 0.25;

/** So many latencies, and so many times the limit, make a measurement of the best one. */
const PROBE_SAMPLES = 20;
const PROBE_ROUNDS = 4;

/** Who stays at the least limit for so many windows has a wrong idea of the best latency: it has grown for good. Envoy's number. */
const MAX_WINDOWS_AT_LEAST = 5;

/** A measurement this much better than what was believed isn't the last word. */
const PROBE_AGAIN_BELOW = 0.8;

/** The weight of a new window in the mean that the best latency is the least of: the least of single windows would be an accident. */
const SMOOTHING = 0.2;

/** More latencies than this in one window tell nothing new. */
const MAX_SAMPLES = 1_000;

/**
 * Finds how much work a server can do at once by what more of it does to the latency: as long as that stays what it is without a
 * queue, more is let in; when it grows, less.
 *
 * This is the gradient controller of Envoy's adaptive concurrency filter
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter), after the first of
 * Netflix' concurrency-limits (https://github.com/Netflix/concurrency-limits). For each window:
 *
 * ```
 * gradient = clamp(tolerance × minLatency / median latency, 0.5, 2)
 * limit    = gradient × limit + √(gradient × limit)
 * ```
 *
 * The root leaves room for bursts, and lets the limit grow. It changes only while at least half of it is used: without load there is
 * nothing to learn.
 *
 * Why not CoDel (https://queue.acm.org/detail.cfm?id=2209336): it needs a queue whose delay can be measured, and a Node server has
 * none: a request is begun when it comes, and waits later, for a connection or a thread. Why not Netflix' gradient2: it compares with a
 * moving mean of the latency, which under lasting overload follows the queue up, and the limit with it. With 10 workers and its
 * defaults that ends at its ceiling of 200 after half an hour, at twenty times the latency.
 *
 * So the smallest median counts here, of windows that are smoothed a little, and it is measured anew when it is older than `baselineMs`: in
 * passing while less than half of the limit is used, and by letting in a quarter for a moment while work is refused anyway. Envoy does that on
 * a timer, whether it refuses or not.
 */
export class ConcurrencyLimiter {
  readonly #options: Required<ConcurrencyLimiterOptions>;
  #limit: number;
  #inFlight = 0;
  #admitted = 0;
  #shed = 0;
  #latencyMs: number | undefined;
  #minLatencyMs: number | undefined;
  /** When that was measured. Long ago: it must be measured anew. */
  #measuredAt = -Infinity;
  #smoothMs: number | undefined;
  /** So many windows in a row had the least limit. */
  #windowsAtLeast = 0;
  /** The limit to go back to, while the best latency is measured. */
  #limitAfterProbe: number | undefined;

  #samples: number[] = [];
  #windowBegan: number;
  #peak = 0;
  #hasRefused = false;

  /** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
  constructor(options: ConcurrencyLimiterOptions = {}) {
    this.#options = {
      initialLimit: 20,
      minLimit: 3,
      maxLimit: 1_000,
      tolerance: 1.5,
      windowMs: 250,
      windowSamples: 50,
      baselineMs: 60_000,
      clock: systemClock,
      ...options,
    };
    check(this.#options);
    const { initialLimit, clock } = this.#options;
    this.#limit = this.#bounded(initialLimit);
    this.#windowBegan = clock.now();
  }

  get numbers(): LimiterNumbers {
    return {
      limit: this.#allowed(),
      inFlight: this.#inFlight,
      admitted: this.#admitted,
      shed: this.#shed,
      latencyMs: this.#latencyMs,
      minLatencyMs: this.#minLatencyMs,
    };
  }

  /** Lets work in, which must call `done()` at its end; `undefined` when there is too much of it. */
  enter(): Ticket | undefined {
    if (this.#inFlight >= this.#allowed()) {
      this.#shed++;
      this.#hasRefused = true;
      return undefined;
    }
    this.#admitted++;
    this.#inFlight++;
    if (this.#inFlight > this.#peak) this.#peak = this.#inFlight;
    const beganAt = this.#options.clock.now();
    let isDone = false;
    return {
      done: (isSample = true) => {
        if (isDone) return;
        isDone = true;
        this.#inFlight--;
        if (isSample) this.#add(beganAt);
      },
    };
  }

  #add(beganAt: number): void {
    const { clock, windowMs, windowSamples } = this.#options;
    const now = clock.now();
    // While the best latency is measured, only what began since then counts: the rest has stood in the queue.
    if (this.#limitAfterProbe !== undefined && beganAt < this.#windowBegan) return;
    if (this.#samples.length < MAX_SAMPLES) this.#samples.push(now - beganAt);
    const isProbe = this.#limitAfterProbe !== undefined;
    // The quick ones end first: only after some rounds are the slow ones among them as often as they should be.
    const enough = isProbe ? Math.max(PROBE_SAMPLES, PROBE_ROUNDS * this.#limit) : windowSamples;
    if (this.#samples.length < Math.min(enough, MAX_SAMPLES)) return;
    if (!isProbe && now - this.#windowBegan < windowMs) return;
    this.#turn(median(this.#samples), now);
  }

  /** One window has ended. */
  #turn(latencyMs: number, now: number): void {
    const atEase = this.#peak < this.#limit / 2;
    const hasRefused = this.#hasRefused;
    this.#latencyMs = latencyMs;
    this.#begin(now);
    if (this.#limitAfterProbe !== undefined) {
      this.#endProbe(latencyMs, now, this.#limitAfterProbe);
      return;
    }
    this.#smoothMs = this.#smoothMs === undefined ? latencyMs : mix(this.#smoothMs, latencyMs, SMOOTHING);
    const best = this.#minLatencyMs;
    if (best === undefined || this.#smoothMs <= best || (this.#isOld(now) && atEase)) {
      this.#minLatencyMs = this.#smoothMs;
      if (best !== undefined || !hasRefused) this.#measuredAt = now;
    }
    if (!atEase) this.#limit = this.#reckoned(latencyMs);
    this.#windowsAtLeast = this.#limit > this.#options.minLimit ? 0 : this.#windowsAtLeast + 1;
    if (this.#windowsAtLeast >= MAX_WINDOWS_AT_LEAST) this.#measuredAt = -Infinity;
    if (this.#isOld(now) && hasRefused) {
      this.#limitAfterProbe = this.#limit;
      this.#limit = this.#bounded(this.#limit * PROBE_SHARE);
    }
  }

  #endProbe(latencyMs: number, now: number, limitBefore: number): void {
    const best = this.#minLatencyMs ?? latencyMs;
    this.#limitAfterProbe = undefined;
    this.#windowsAtLeast = 0;
    this.#limit = limitBefore;
    this.#minLatencyMs = latencyMs;
    this.#smoothMs = latencyMs;
    // Much better than what was believed: there may still have been a queue, so it is measured again.
    this.#measuredAt = latencyMs < best * PROBE_AGAIN_BELOW ? -Infinity : now;
  }

  #isOld(now: number): boolean {
    return now - this.#measuredAt >= this.#options.baselineMs;
  }

  #reckoned(latencyMs: number): number {
    const { tolerance } = this.#options;
    const best = this.#minLatencyMs ?? latencyMs;
    // Latencies below the clock's resolution are 0.
    const gradient = latencyMs === 0 ? GRADIENT.max : (tolerance * best) / latencyMs;
    const scaled = this.#limit * Math.min(GRADIENT.max, Math.max(GRADIENT.min, gradient));
    return this.#bounded(scaled + Math.sqrt(scaled));
  }

  #begin(now: number): void {
    this.#samples = [];
    this.#windowBegan = now;
    this.#peak = this.#inFlight;
    this.#hasRefused = false;
  }

  #allowed(): number {
    return Math.floor(this.#limit);
  }

  #bounded(limit: number): number {
    const { minLimit, maxLimit } = this.#options;
    return Math.max(minLimit, Math.min(maxLimit, limit));
  }
}

function mix(old: number, young: number, share: number): number {
  return old + (young - old) * share;
}

function median(samples: number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  // A window has at least one.
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function check(options: Required<ConcurrencyLimiterOptions>): void {
  const { minLimit, maxLimit, tolerance } = options;
  for (const field of ['initialLimit', 'minLimit', 'maxLimit', 'windowSamples'] as const) {
    if (!(Number.isFinite(options[field]) && options[field] >= 1))
      throw invalidArgument(field, 'must be a number from 1');
  }
  for (const field of ['windowMs', 'baselineMs'] as const) {
    if (!(Number.isFinite(options[field]) && options[field] > 0))
      throw invalidArgument(field, 'must be a number of milliseconds above 0');
  }
  if (!(tolerance >= 1 && Number.isFinite(tolerance)))
    throw invalidArgument('tolerance', 'must be a number from 1');
  if (minLimit > maxLimit) throw invalidArgument('minLimit', 'must not be above maxLimit');
}
