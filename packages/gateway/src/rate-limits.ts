import { isIPv6 } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { problem } from './problem.ts';

/** How many requests in one second, on average over `windowSeconds`. */
export interface RateLimit {
  readonly requests: number;
  readonly windowSeconds: number;
}

/** Counts what each key has asked for within a window (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/). */
export class RateLimiter {
  readonly #name: string;
  readonly #limit: RateLimit;
  readonly #limiter: RateLimiterMemory;

  /** @param name of the policy, in the headers: `address`, `principal`. */
  constructor(name: string, limit: RateLimit) {
    this.#name = name;
    this.#limit = limit;
    this.#limiter = new RateLimiterMemory({ points: limit.requests, duration: limit.windowSeconds });
  }

  /**
   * Counts one request.
   *
   * @returns the headers that tell the caller what is left.
   * @throws {HttpProblem} 429 when nothing is.
   */
  async take(key: string): Promise<Readonly<Record<string, string>>> {
    const { requests, windowSeconds } = this.#limit;
    const policy = `"${this.#name}";q=${requests};w=${windowSeconds}`;
    const headersOf = ({ remainingPoints, msBeforeNext }: RateLimiterRes) => ({
      'ratelimit-policy': policy,
      ratelimit: `"${this.#name}";r=${Math.max(0, remainingPoints)};t=${Math.ceil(msBeforeNext / 1_000)}`,
    });
    try {
      return headersOf(await this.#limiter.consume(key));
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const seconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1_000));
      const detail = `More than ${requests} requests in ${windowSeconds} s: wait ${seconds} s.`;
      throw problem('too-many-requests', detail, {
        headers: { ...headersOf(refused), 'retry-after': String(seconds) },
      });
    }
  }
}

/** Who has an IPv6 address has a whole /64 of them. */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  if (address.startsWith('::ffff:')) return address.slice('::ffff:'.length);
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    while (groups.length + rest.length < 8) groups.push('0');
    groups.push(...rest);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
