import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, RegistryError } from '@rollcall/core';
import {
  ConcurrencyLimiter,
  type ConcurrencyLimiterOptions,
  type LimiterNumbers,
} from './concurrency-limiter.ts';
import { observeEvents } from './observe-events.ts';
import { type HttpServerLike, kindOf } from './server-kind.ts';

export interface GuardOptions extends ConcurrencyLimiterOptions {
  /**
   * What is neither refused nor counted: the paths of health checks, without the query, or a function that says so. Long-lived answers
   * belong here too, such as event streams: how long they last tells nothing of the load.
   */
  readonly exempt?: readonly string[] | ((request: IncomingMessage) => boolean);
  /** What a refused caller is told to wait, in whole seconds. Defaults to 1. */
  readonly retryAfterS?: number;
  readonly clock?: Clock;
}

/** A guarded server's numbers. */
export interface Guard extends LimiterNumbers {
  /** Lets everything in again. */
  close(): void;
}

/** The header by which a caller tells a refusal from any other 503: nothing was done, and another instance may have room. */
const SHED_HEADER = 'x-rollcall-shed';

/** The first status by which a server says that it failed. */
const SERVER_ERROR = 500;

/**
 * Refuses requests that the server has no room for, before any of your code sees them: 503 with `retry-after` and `x-rollcall-shed: 1`.
 * How much room there is, it learns from the latencies, see {@link ConcurrencyLimiter}.
 *
 * @param server of `node:http` or `node:https` (Express: what `app.listen()` returns), of `node:http2` with a `request` listener, or a
 * Fastify or Nest application.
 * @throws {RegistryError} `INVALID_ARGUMENT` that names the option at fault.
 */
export function guard(server: HttpServerLike, options: GuardOptions = {}): Guard {
  const { exempt = [], retryAfterS = 1, ...limits } = options;
  const given = kindOf(server);
  if (given.kind === 'grpc') {
    throw new RegistryError('INVALID_ARGUMENT', 'server is a gRPC server: only HTTP servers can be guarded', {
      field: 'server',
    });
  }
  if (!(Number.isInteger(retryAfterS) && retryAfterS >= 0)) {
    throw new RegistryError('INVALID_ARGUMENT', 'retryAfterS must be a whole number of seconds from 0', {
      field: 'retryAfterS',
    });
  }
  const limiter = new ConcurrencyLimiter(limits);
  const isExempt = typeof exempt === 'function' ? exempt : pathIn(new Set(exempt));
  const admitted = new WeakSet<IncomingMessage>();
  const release = observeEvents(given.server, (event, args) => {
    if (event !== 'request' && event !== 'checkContinue') return false;
    const [request, response] = args as [IncomingMessage, ServerResponse];
    // One with `expect: 100-continue` may be told twice.
    if (admitted.has(request) || isExempt(request)) return false;
    const ticket = limiter.enter();
    if (!ticket) {
      refuse(response, retryAfterS);
      return true;
    }
    admitted.add(request);
    // An answer that fails is often a fast one, and one that the caller didn't wait for has no end.
    response.once('close', () =>
      ticket.done(response.writableFinished && response.statusCode < SERVER_ERROR),
    );
    return false;
  });
  return new ServerGuard(limiter, release);
}

class ServerGuard implements Guard {
  readonly #limiter: ConcurrencyLimiter;
  readonly close: () => void;

  constructor(limiter: ConcurrencyLimiter, release: () => void) {
    this.#limiter = limiter;
    this.close = release;
  }

  get limit(): number {
    return this.#limiter.numbers.limit;
  }

  get inFlight(): number {
    return this.#limiter.numbers.inFlight;
  }

  get admitted(): number {
    return this.#limiter.numbers.admitted;
  }

  get shed(): number {
    return this.#limiter.numbers.shed;
  }

  get latencyMs(): number | undefined {
    return this.#limiter.numbers.latencyMs;
  }

  get minLatencyMs(): number | undefined {
    return this.#limiter.numbers.minLatencyMs;
  }
}

function refuse(response: ServerResponse, retryAfterS: number): void {
  response.writeHead(503, { 'retry-after': String(retryAfterS), [SHED_HEADER]: '1', 'content-length': '0' });
  response.end();
}

function pathIn(paths: ReadonlySet<string>): (request: IncomingMessage) => boolean {
  return ({ url = '' }) => {
    const query = url.indexOf('?');
    return paths.has(query === -1 ? url : url.slice(0, query));
  };
}
