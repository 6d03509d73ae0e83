import type { BalancerOptions } from '@rollcall/balancer';
import { type BackoffOptions, invalidArgument, type ServiceInstance } from '@rollcall/core';
import type { HttpObserver } from './observer.ts';
import type { RetryBudgetOptions } from './retry-budget.ts';
import type { ThrottleOptions } from './throttle.ts';

/** A call, as those see it who choose for it. */
export interface CallRequest {
  readonly service: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface RetryOptions {
  /** How often a call is made in all. Defaults to 3. */
  readonly attempts?: number;
  /** Answers by which a call is tried again. Defaults to 502, 503 and 504: it was not served. */
  readonly statuses?: readonly number[];
  /**
   * Whether a call may be made twice. Defaults to the methods that HTTP says are idempotent (RFC 9110, 9.2.2): GET, HEAD,
   * OPTIONS, TRACE, PUT and DELETE. A call that never reached a server is tried again in any case.
   */
  readonly isSafe?: (request: CallRequest) => boolean;
  /** How much of a streamed body is kept to be sent again, in bytes. A longer one isn't. Defaults to 65 536. */
  readonly keepBytes?: number;
  /** The wait before an instance is tried that was tried already; another is tried at once. Defaults to 25 ms, up to 250 ms. */
  readonly backoff?: BackoffOptions;
  readonly budget?: RetryBudgetOptions;
}

export interface HedgeOptions {
  /** A call that has no answer by then, in milliseconds, is made to another instance as well; the first answer counts. */
  readonly afterMs: number;
}

export interface BreakerOptions {
  /** It opens when more than this part of the calls fails, 0 to 1. */
  readonly threshold: number;
  /** The time that is looked back on, in milliseconds. Defaults to 10 000. */
  readonly windowMs?: number;
  /** The fewest calls a second by which it is judged. Defaults to 5. */
  readonly minimumPerSecond?: number;
  /** How long it stays open before a call tries, in milliseconds. Defaults to 5 000. */
  readonly openMs?: number;
}

export interface LimitOptions {
  /** How many calls to one service may be under way. */
  readonly concurrent: number;
  /** How many more wait for their turn. Defaults to 0. */
  readonly waiting?: number;
}

export interface ConnectionOptions {
  /** The most connections to one instance. Defaults to no limit. */
  readonly perInstance?: number;
  /** How long an idle one is kept, in milliseconds, unless the server says less. Defaults to 4 000. */
  readonly keepAliveMs?: number;
  /** How long connecting may take, in milliseconds. Defaults to 2 000. */
  readonly connectTimeoutMs?: number;
  /** Whether HTTP/2 is spoken where the server offers it over TLS. Defaults to `false`. */
  readonly http2?: boolean;
}

export interface TlsOptions {
  /** PEM text of the authorities that are trusted, in place of Node's. */
  readonly ca?: string | readonly string[];
  readonly cert?: string;
  readonly key?: string;
  /** The name that an instance's certificate must have. Defaults to the host of the URL: the service. */
  readonly serverName?: string | ((instance: ServiceInstance) => string);
}

/** What became of one try, for logs and metrics. */
export interface AttemptEvent {
  readonly type: 'retry' | 'hedge' | 'failure';
  readonly service: string;
  /** The instance that failed, or is waited for. */
  readonly instance: ServiceInstance;
  /** A status, or an error's message. */
  readonly reason: string;
  /** The try that comes now, from 2 on; for `failure`, those that were made. */
  readonly attempt: number;
}

export interface HttpOptions {
  /** Where services are looked up. Defaults to the registry's own namespace. */
  readonly namespace?: string;
  /** How an instance is chosen, for each service its own. Defaults to the balancer's defaults. */
  readonly balancer?: BalancerOptions | ((service: string) => BalancerOptions);
  /**
   * The service that a URL's host and port mean; `undefined` for none: that call is made as it stands. Defaults to: a host without
   * a dot and without a port is a service, but for `localhost`. Hosts in URLs are in lower case.
   */
  readonly serviceOf?: (url: URL) => string | undefined;
  /** What keeps calls together, for the policies `consistent-hash` and `sticky`, and for routes. */
  readonly keyOf?: (request: CallRequest) => string | undefined;
  /** How long a call waits when nobody may be called, in milliseconds. Defaults to 0: it fails at once. */
  readonly waitForInstanceMs?: number;
  /** How long all tries of a call may take until an answer begins, in milliseconds. 0: no end. Defaults to 30 000. */
  readonly timeoutMs?: number;
  /** How long one try may take until an answer begins, in milliseconds. Defaults to all the time that is left. */
  readonly attemptTimeoutMs?: number;
  /** How long an answer that has begun may pause, in milliseconds. 0: for ever. Defaults to 300 000. */
  readonly idleTimeoutMs?: number;
  readonly retry?: RetryOptions | false;
  /** Only for calls that may be made twice. Left out: none. */
  readonly hedge?: HedgeOptions;
  /** For each service one. Left out: none; bad instances are ejected in any case. */
  readonly breaker?: BreakerOptions;
  /** For each service one. Left out: none. */
  readonly limit?: LimitOptions;
  /** Makes fewer calls to a service that refuses them. Left out: all are made. */
  readonly throttle?: ThrottleOptions;
  /** Answers that mean an instance is bad. Defaults to 500 and above, but for 501. */
  readonly isFailure?: (status: number) => boolean;
  readonly connections?: ConnectionOptions;
  readonly tls?: TlsOptions;
  /** Is told what didn't go as it should. What it throws is lost. */
  readonly onEvent?: (event: AttemptEvent) => void;
  /** Follows each call and each of its tries, and may add headers to them: for traces and metrics. Left out: nobody does. */
  readonly observer?: HttpObserver;
}

/** @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault. */
export function checkOptions(options: HttpOptions): void {
  const {
    waitForInstanceMs = 0,
    timeoutMs = 0,
    attemptTimeoutMs = 1,
    retry,
    hedge,
    breaker,
    limit,
  } = options;
  const { throttle, connections = {}, idleTimeoutMs = 0 } = options;
  atLeast('waitForInstanceMs', waitForInstanceMs, 0);
  atLeast('timeoutMs', timeoutMs, 0);
  atLeast('attemptTimeoutMs', attemptTimeoutMs, 1);
  atLeast('idleTimeoutMs', idleTimeoutMs, 0);
  if (retry) {
    const { attempts = 1, keepBytes = 0, budget: { ratio = 0, perSecond = 0 } = {} } = retry;
    if (!Number.isInteger(attempts)) throw invalidArgument('retry.attempts', 'must be a whole number');
    atLeast('retry.attempts', attempts, 1);
    atLeast('retry.keepBytes', keepBytes, 0);
    atLeast('retry.budget.ratio', ratio, 0);
    atLeast('retry.budget.perSecond', perSecond, 0);
  }
  if (hedge) atLeast('hedge.afterMs', hedge.afterMs, 0);
  if (breaker && !(breaker.threshold > 0 && breaker.threshold < 1))
    throw invalidArgument('breaker.threshold', 'must be above 0 and below 1');
  if (limit) {
    atLeast('limit.concurrent', limit.concurrent, 1);
    atLeast('limit.waiting', limit.waiting ?? 0, 0);
  }
  if (throttle) {
    atLeast('throttle.k', throttle.k ?? 1, 1);
    atLeast('throttle.windowMs', throttle.windowMs ?? 1_000, 1_000);
  }
  atLeast('connections.perInstance', connections.perInstance ?? 1, 1);
  atLeast('connections.keepAliveMs', connections.keepAliveMs ?? 1, 1);
  atLeast('connections.connectTimeoutMs', connections.connectTimeoutMs ?? 1, 1);
}

function atLeast(field: string, value: number, least: number): void {
  if (!(value >= least)) throw invalidArgument(field, `must be ${least} or more, but it is ${String(value)}`);
}
