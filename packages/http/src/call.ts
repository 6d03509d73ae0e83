import type { Pick } from '@rollcall/balancer';
import { fullJitter, type ServiceInstance, systemClock } from '@rollcall/core';
import { isBrokenCircuitError, isBulkheadRejectedError } from 'cockatiel';
import { type Dispatcher, errors } from 'undici';
import { Attempt } from './attempt.ts';
import { CallError } from './call-error.ts';
import type { CalledService } from './called-service.ts';
import { Bounded, type Deadlines } from './deadlines.ts';
import {
  type AttemptStart,
  type CallObserver,
  type HttpObserver,
  type ObservedEnd,
  unharmed,
} from './observer.ts';
import { DescribedCall } from './described-call.ts';
import type { AttemptEvent, HttpOptions } from './options.ts';
import { type RequestBody, requestBody } from './request-body.ts';
import type { RequestHandler } from './request-handler.ts';
import { withHost, withOthers } from './request-headers.ts';

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const RETRY_STATUSES: readonly number[] = [502, 503, 504];
/** By these a service says that it has too much to do. */
const REFUSALS: ReadonlySet<number> = new Set([429, 503]);
const KEEP_BYTES = 65_536;
const ATTEMPTS = 3;
const BACKOFF = { baseMs: 25, capMs: 250 };
export const TIMEOUT_MS = 30_000;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What a call has to do with. */
export interface CallParts {
  readonly service: CalledService;
  readonly options: HttpOptions;
  readonly request: Dispatcher.DispatchOptions;
  readonly handler: RequestHandler;
  /** Of the URL, without credentials. */
  readonly origin: string;
  /** Whether the URL was `https`. */
  readonly isSecure: boolean;
  /** The host of the URL. */
  readonly host: string;
  /** Left out: there is none. */
  readonly deadlines: Deadlines | undefined;
  /** Called once, when it is over. */
  readonly onEnd: () => void;
}

/** One call to a service: tried until an instance answers, as often as its options and the budget allow. */
export class Call extends Bounded {
  readonly #parts: CallParts;
  readonly #body: RequestBody;
  readonly #active: Attempt[] = [];
  readonly #tried: ServiceInstance[] = [];
  #timers: Set<NodeJS.Timeout> | undefined;
  #described: DescribedCall | undefined;
  #observer: CallObserver | undefined;
  #key: string | undefined;
  #headers: Dispatcher.DispatchOptions['headers'];
  #committed: Attempt | undefined;
  #stopWaiting: (() => void) | undefined;
  /** Picked, and not sent yet. */
  #held: Pick | undefined;
  #isWaiting = false;
  #isOver = false;
  #onOver: ((error?: Error) => void) | undefined;

  constructor(parts: CallParts) {
    super();
    const { retry } = parts.options;
    this.#parts = parts;
    this.#body = requestBody(parts.request.body, (retry || undefined)?.keepBytes ?? KEEP_BYTES);
  }

  start(): void {
    const { service, options, handler, request, host, deadlines } = this.#parts;
    handler.onConnect((reason) => this.#abort(reason), {});
    if (this.#isOver) return;
    const { timeoutMs = TIMEOUT_MS, keyOf } = options;
    this.deadlineAt = systemClock.now() + timeoutMs;
    deadlines?.add(this);
    if (options.observer) this.#observe(options.observer);
    if (service.throttle && !service.throttle.allows())
      return this.#fail(this.#error('THROTTLED', 'it refuses more than it takes; this call was not made'));
    this.#headers = withHost(request.headers, host);
    try {
      this.#key = keyOf?.(this.#describe());
    } catch (error) {
      return this.#fail(error as Error, true);
    }
    service.budget.deposit();
    if (!service.policy) return this.#begin();
    const run = () =>
      new Promise<void>((resolve, reject) => {
        this.#onOver = (error) => (error ? reject(error) : resolve());
        this.#begin();
      });
    service.policy.execute(run).catch((error: unknown) => {
      if (isBrokenCircuitError(error))
        this.#fail(this.#error('CIRCUIT_OPEN', 'too many of its calls failed; its circuit breaker is open'));
      else if (isBulkheadRejectedError(error))
        this.#fail(this.#error('LIMIT_REACHED', 'as many of its calls as may be are under way and waiting'));
    });
  }

  override expire(): void {
    const { timeoutMs = TIMEOUT_MS } = this.#parts.options;
    const tried = this.#tried.map(({ id }) => id).join(', ') || 'nobody';
    this.#fail(this.#error('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms; tried ${tried}`));
  }

  /** An attempt got an answer that is taken. The others are called off. */
  commit(attempt: Attempt): void {
    this.#committed = attempt;
    this.#clearTimers();
    if (this.#active.length > 1) for (const other of this.#active) if (other !== attempt) other.cancel();
  }

  /**
   * Whether that status is not taken: another try comes.
   *
   * @param isShed whether the server says that it did nothing.
   */
  isRetried(attempt: Attempt, status: number, isShed: boolean): boolean {
    const { retry } = this.#parts.options;
    const { statuses = RETRY_STATUSES } = retry || {};
    if (!isShed && !statuses.includes(status)) return false;
    if (this.#active.length > 1) {
      this.#left(attempt);
      return true;
    }
    if (!this.#mayRetry(!isShed)) return false;
    this.#left(attempt);
    this.#retry(attempt.instance, `status ${status}`);
    return true;
  }

  /** An attempt got no answer. */
  failed(attempt: Attempt, error: Error): void {
    this.#left(attempt);
    if (this.#isOver || this.#active.length > 0) return;
    const { host, port, id } = attempt.instance;
    if (!attempt.isCallersFault && this.#mayRetry(attempt.isSent))
      return this.#retry(attempt.instance, error.message);
    if (attempt.isCallersFault) return this.#fail(error, true);
    const tries = this.#tried.length === 1 ? '' : ` (the last of ${this.#tried.length} tries)`;
    this.#tell('failure', attempt.instance, error.message);
    this.#fail(this.#error('UNREACHABLE', `${id} at ${host}:${port}${tries}: ${error.message}`, error));
  }

  /**
   * The call has ended, with an answer or during it.
   *
   * @param error by which the service failed. Not what its caller did.
   * @param why what its observer is told: also what its caller did.
   */
  finish(status: number | undefined, error?: Error, why = error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#observer) this.#tellEnd(this.#observer, status, why);
    this.#parts.onEnd();
    this.#clearTimers();
    this.#stopWaiting?.();
    this.#held?.done('ignored');
    this.#body.close();
    const { throttle } = this.#parts.service;
    if (throttle && status !== undefined && !REFUSALS.has(status)) throttle.accepted();
    const isBad = status !== undefined && this.isFailure(status);
    this.#onOver?.(error ?? (isBad ? new Error(`status ${status}`) : undefined));
  }

  isFailure(status: number): boolean {
    const { isFailure } = this.#parts.options;
    return isFailure ? isFailure(status) : status >= 500 && status !== 501;
  }

  #begin(): void {
    const { service } = this.#parts;
    if (this.#isOver) return this.#onOver?.();
    if (service.isListed) return this.#next();
    service.listed().then(
      () => this.#next(),
      (error: Error) => this.#fail(error),
    );
  }

  #next(): void {
    if (this.#isOver) return;
    let pick: Pick | undefined;
    try {
      pick = this.#pick();
    } catch (error) {
      return this.#fail(error as Error, true);
    }
    if (!pick) return this.#waitForInstance();
    if (!this.#tried.includes(pick.instance))
      return this.#send(pick, this.#tried.length === 0 ? 'first' : 'retry');
    // It was tried just now, and there is no other.
    const { backoff = BACKOFF } = this.#parts.options.retry || {};
    const pauseMs = fullJitter(this.#tried.length - 1, backoff, Math.random);
    const held = (this.#held = pick);
    this.#after(pauseMs, () => {
      this.#held = undefined;
      this.#send(held, 'retry');
    });
  }

  #pick(): Pick | undefined {
    const { service } = this.#parts;
    const headers = service.readsHeaders ? this.#describe().headers : undefined;
    if (this.#tried.length === 0 && !headers && this.#key === undefined) return service.balancer.pick();
    return service.balancer.pick({
      ...(this.#key !== undefined && { key: this.#key }),
      ...(headers && { headers }),
      avoid: this.#tried,
    });
  }

  #send(pick: Pick, kind: AttemptStart['kind']): void {
    if (this.#isOver) return pick.done('ignored');
    const { service, request, handler, isSecure, options } = this.#parts;
    this.#tried.push(pick.instance);
    const { instance } = pick;
    const observer =
      this.#observer &&
      unharmed(() => this.#observer?.onAttempt?.({ instance, kind, attempt: this.#tried.length }));
    const attempt = new Attempt(this, pick, handler, this.#body, observer);
    this.#active.push(attempt);
    const { attemptTimeoutMs, hedge } = options;
    if (attemptTimeoutMs !== undefined)
      attempt.timer = this.#after(attemptTimeoutMs, () => attempt.expire(attemptTimeoutMs));
    if (hedge) this.#after(hedge.afterMs, () => this.#hedge(attempt, hedge.afterMs));
    const { origin, pool } = service.connectionsTo(instance, isSecure);
    const headers = observer?.headers ? withOthers(this.#headers, observer.headers) : (this.#headers ?? null);
    // Spread into a literal that has one of its keys again, this alone would take 2 µs (V8 11).
    const sent: Writable<Dispatcher.DispatchOptions> = Object.assign({}, request);
    sent.origin = origin;
    sent.headers = headers;
    sent.body = this.#body.next() ?? null;
    pool.dispatch(sent, attempt);
  }

  /** It is no longer under way. */
  #left(attempt: Attempt): void {
    const place = this.#active.indexOf(attempt);
    if (place !== -1) this.#active.splice(place, 1);
  }

  #hedge(attempt: Attempt, afterMs: number): void {
    if (this.#isOver || this.#committed || !this.#active.includes(attempt) || !this.#body.isShared) return;
    if (this.#tried.length >= this.#attempts || !this.#isSafe()) return;
    const pick = this.#pick();
    if (!pick) return;
    if (this.#tried.includes(pick.instance) || !this.#parts.service.budget.withdraw())
      return pick.done('ignored');
    this.#tell('hedge', attempt.instance, `no answer within ${afterMs} ms`);
    this.#send(pick, 'hedge');
  }

  #mayRetry(isSent: boolean): boolean {
    if (this.#isOver || this.#tried.length >= this.#attempts || !this.#body.isWhole) return false;
    if (isSent && !this.#isSafe()) return false;
    return this.#parts.service.budget.withdraw();
  }

  get #attempts(): number {
    const { retry } = this.#parts.options;
    return retry === false ? 1 : (retry?.attempts ?? ATTEMPTS);
  }

  #isSafe(): boolean {
    const { isSafe } = this.#parts.options.retry || {};
    const { method } = this.#parts.request;
    return isSafe ? isSafe(this.#describe()) : IDEMPOTENT.has(method.toUpperCase());
  }

  #retry(instance: ServiceInstance, reason: string): void {
    this.#tell('retry', instance, reason);
    this.#next();
  }

  #waitForInstance(): void {
    const { service, options } = this.#parts;
    const { waitForInstanceMs = 0 } = options;
    if (waitForInstanceMs === 0) return this.#fail(service.nobody());
    this.#stopWaiting ??= service.onChange(() => {
      this.#stopWaiting?.();
      this.#stopWaiting = undefined;
      this.#next();
    });
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#after(waitForInstanceMs, () => {
      if (this.#active.length === 0 && !this.#committed) this.#fail(service.nobody());
    });
  }

  /** By the caller. */
  #abort(reason: Error | undefined): void {
    if (this.#committed) this.#committed.abort(reason);
    else this.#fail(reason ?? new errors.RequestAbortedError(), true);
  }

  /** Ends it without an answer. */
  #fail(error: Error, isCallersFault = false): void {
    if (this.#isOver) return;
    this.finish(undefined, isCallersFault ? undefined : error, error);
    for (const attempt of this.#active) attempt.cancel(error);
    this.#active.length = 0;
    this.#parts.handler.onError(error);
  }

  #error(code: CallError['code'], what: string, cause?: Error): CallError {
    return new CallError(code, this.#parts.service.name, what, cause);
  }

  #observe(observer: HttpObserver): void {
    this.#observer = unharmed(() => observer(this.#describe()));
  }

  #tellEnd(observer: CallObserver, status: number | undefined, error: Error | undefined): void {
    const end: Writable<ObservedEnd> = {};
    if (status !== undefined) end.status = status;
    if (error) end.error = error;
    unharmed(() => observer.onEnd?.(end));
  }

  #describe(): DescribedCall {
    const { service, request, origin } = this.#parts;
    return (this.#described ??= new DescribedCall(service.name, origin, request));
  }

  #tell(type: AttemptEvent['type'], instance: ServiceInstance, reason: string): void {
    const { service, options } = this.#parts;
    const attempt = this.#tried.length + (type === 'failure' ? 0 : 1);
    try {
      options.onEvent?.({ type, service: service.name, instance, reason, attempt });
    } catch {
      // Whoever listens must not end a call.
    }
  }

  #after(ms: number, fn: () => void): NodeJS.Timeout {
    const timers = (this.#timers ??= new Set());
    const timer = setTimeout(() => {
      timers.delete(timer);
      fn();
    }, ms);
    timers.add(timer);
    return timer;
  }

  #clearTimers(): void {
    this.#parts.deadlines?.delete(this);
    if (!this.#timers) return;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
