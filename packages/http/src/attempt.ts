import type { Duplex } from 'node:stream';
import type { Outcome, Pick } from '@rollcall/balancer';
import type { ServiceInstance } from '@rollcall/core';
import { errors } from 'undici';
import type { Call } from './call.ts';
import { type AttemptObserver, type ObservedEnd, unharmed } from './observer.ts';
import type { RequestBody } from './request-body.ts';
import type { RawHeaders, RequestHandler } from './request-handler.ts';

/** Of an answer that isn't taken so much is read, to keep the connection; in bytes. */
const DRAINED_BYTES = 65_536;

/** The guard of @rollcall/server says so: the call was not begun, and the instance is well but full. */
const SHED = 'x-rollcall-shed';

/** One try of a call, at one instance. */
export class Attempt implements RequestHandler {
  readonly instance: ServiceInstance;
  timer: NodeJS.Timeout | undefined;
  readonly #call: Call;
  readonly #handler: RequestHandler;
  readonly #body: RequestBody;
  /** Gone when it has been told the end. */
  #observer: AttemptObserver | undefined;
  /** Gone when the instance has been told how the call ended. */
  #pick: Pick | undefined;
  #abort: ((reason?: Error) => void) | undefined;
  /** Of the answer, once one is taken. */
  #status = 0;
  #isShed = false;
  /** By the caller, while its answer came. */
  #isAborted = false;
  /** What comes is no longer for anyone. */
  #isDead = false;
  #drained = 0;
  #error: Error | undefined;

  constructor(
    call: Call,
    pick: Pick,
    handler: RequestHandler,
    body: RequestBody,
    observer: AttemptObserver | undefined,
  ) {
    this.instance = pick.instance;
    this.#call = call;
    this.#pick = pick;
    this.#handler = handler;
    this.#body = body;
    this.#observer = observer;
  }

  /** Whether the server may have got some of it. */
  get isSent(): boolean {
    return this.#abort !== undefined;
  }

  /** Whether the request itself is at fault, and so no instance. */
  get isCallersFault(): boolean {
    return (
      this.#body.error !== undefined ||
      this.#error instanceof errors.InvalidArgumentError ||
      this.#error instanceof errors.RequestContentLengthMismatchError
    );
  }

  /** Another was quicker; or the call has ended, by `reason`. */
  cancel(reason?: Error): void {
    if (this.#observer) this.#tell(reason ? { error: reason } : { isCancelled: true });
    this.#die('ignored');
    this.#abort?.(new errors.RequestAbortedError('another instance answered, or the call ended'));
  }

  /** It took too long. */
  expire(ms: number): void {
    if (this.#isDead || this.#status > 0) return;
    const error = new errors.HeadersTimeoutError(`no answer within ${ms} ms`);
    if (this.#observer) this.#tell({ error });
    this.#die('failure');
    this.#abort?.(error);
    this.#call.failed(this, error);
  }

  /** By the caller, while its answer comes. */
  abort(reason: Error | undefined): void {
    this.#isAborted = true;
    this.#abort?.(reason);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#isDead) abort(new errors.RequestAbortedError('the call has ended'));
  }

  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    if (this.#isDead) {
      socket.destroy();
      return;
    }
    this.#call.commit(this);
    if (this.#observer) this.#tell({ status });
    this.#end('success');
    this.#call.finish(status);
    this.#handler.onUpgrade(status, headers, socket);
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, message: string): boolean {
    // What comes before the answer says nothing that another instance would say too.
    if (this.#isDead || status < 200) return true;
    if (this.timer) clearTimeout(this.timer);
    this.#isShed = status === 503 && hasHeader(headers, SHED);
    if (this.#call.isRetried(this, status, this.#isShed)) {
      if (this.#observer) this.#tell({ status });
      this.#die(this.#isShed ? 'ignored' : 'failure');
      return true;
    }
    this.#pick?.answered();
    this.#call.commit(this);
    this.#status = status;
    return this.#handler.onHeaders(status, headers, resume, message);
  }

  onData(chunk: Buffer): boolean {
    if (this.#status > 0) return this.#handler.onData(chunk);
    this.#drained += chunk.length;
    if (this.#drained > DRAINED_BYTES) this.#abort?.(new errors.RequestAbortedError('not wanted'));
    return true;
  }

  onComplete(trailers: string[] | null): void {
    if (this.#isDead || this.#status === 0) return;
    const isFailure = this.#call.isFailure(this.#status);
    if (this.#observer) this.#tell({ status: this.#status });
    this.#end(this.#isShed ? 'ignored' : isFailure ? 'failure' : 'success');
    this.#call.finish(this.#status);
    this.#handler.onComplete(trailers);
  }

  onError(error: Error): void {
    if (this.#isDead) return;
    this.#error = error;
    if (this.#observer) this.#tell(this.#status === 0 ? { error } : { status: this.#status, error });
    if (this.#status === 0) {
      this.#die(this.isCallersFault ? 'ignored' : 'failure');
      this.#call.failed(this, error);
      return;
    }
    this.#die(this.#isAborted ? 'ignored' : 'failure');
    if (this.#isAborted) this.#call.finish(this.#status);
    else this.#call.finish(undefined, error);
    this.#handler.onError(error);
  }

  #die(outcome: Outcome): void {
    this.#isDead = true;
    if (this.timer) clearTimeout(this.timer);
    this.#end(outcome);
  }

  #tell(end: ObservedEnd): void {
    const observer = this.#observer;
    this.#observer = undefined;
    unharmed(() => observer?.onEnd?.(end));
  }

  /** The pick is used again afterwards. */
  #end(outcome: Outcome): void {
    this.#pick?.done(outcome);
    this.#pick = undefined;
  }
}

function hasHeader(headers: RawHeaders, name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (String(headers[i]).toLowerCase() === name) return true;
  return false;
}
