import { EventEmitter } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Writable } from 'node:stream';
import { abortError, type Clock, RegistryError } from '@rollcall/core';
import type { TlsFiles } from '@rollcall/core/network';
import Consul from 'consul';
import { answerError, requestError } from './consul-error.ts';

export interface AgentRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** Below `/v1`, with `{name}` for each of `params`, which are encoded. */
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  /** Starts the message of an error: `register user-service/7 in Consul`. */
  readonly doing: string;
  /** Defaults to {@link CALL_MS}. */
  readonly timeoutMs?: number;
  /** Whether 404 is an answer rather than an error. */
  readonly mayBeMissing?: boolean;
}

export interface AgentAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface AgentOptions {
  readonly address: string;
  readonly tls: TlsFiles | undefined;
  readonly clock: Clock;
}

/** How long a call may take where its signal doesn't end it sooner, in milliseconds: the library would wait for ever. */
const CALL_MS = 30_000;

/** The most calls that are under way at an agent: it does one registration after the other, each in milliseconds. */
const MAX_CALLS = 16;

/** The most bytes of an answer. 40 000 instances take about as much. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** While a request waits for a change, the agent is asked for a sign of life this often, in milliseconds … */
const PING_EVERY_MS = 10_000;
/** … and has this long for it. */
const PING_MS = 4_000;

/**
 * One Consul agent, spoken to by the request layer of the `consul` library. Its typed methods are passed over, because
 * they drop fields that Consul has (`Weights`), and its watch too, which ends without a word on some answers and asks
 * hundreds of times a second on others.
 *
 * What the library leaves open is closed here: every request has a deadline and a signal; an answer that is cut short
 * rejects, where it would never settle; an answer has a largest size; and no error holds the token.
 */
export class Agent {
  readonly address: string;
  readonly #http: RequestLayer;
  /** For calls. What doesn't get one of its connections waits here, and is not sent when nobody waits for it any more. */
  readonly #sockets: HttpAgent;
  /** For requests that wait for a change, and for pings. */
  readonly #waitingSockets: HttpAgent;
  readonly #clock: Clock;
  readonly #underWay = new Set<(error: RegistryError) => void>();
  readonly #waiting = new Set<(error: RegistryError) => void>();
  #stopPinging: (() => void) | undefined;
  #closed: RegistryError | undefined;

  constructor({ address, tls, clock }: AgentOptions) {
    this.address = address.replace(/\/$/u, '');
    this.#clock = clock;
    const { protocol, hostname } = new URL(this.address);
    // The agent's own options win over the library's, which has IPv6 addresses in brackets: nobody resolves those.
    const host = hostname.replace(/^\[(.*)\]$/u, '$1');
    const socketsFor = (maxSockets: number) =>
      protocol === 'https:'
        ? new HttpsAgent({
            keepAlive: true,
            host,
            maxSockets,
            ...(tls?.ca && { ca: tls.ca }),
            ...(tls?.cert && { cert: tls.cert }),
            ...(tls?.key && { key: tls.key }),
            ...(tls?.serverName !== undefined && { servername: tls.serverName }),
          })
        : new HttpAgent({ keepAlive: true, host, maxSockets });
    this.#sockets = socketsFor(MAX_CALLS);
    this.#waitingSockets = socketsFor(Number.POSITIVE_INFINITY);
    const options = { baseUrl: `${this.address}/v1`, agent: this.#sockets };
    // The declared types have neither this layer nor `baseUrl`.
    this.#http = new Consul(options) as unknown as RequestLayer;
  }

  /**
   * @throws {RegistryError} `UNAVAILABLE` when the agent can't be reached or can't serve, `DEADLINE_EXCEEDED`, `ABORTED`,
   *   `UNAUTHENTICATED`, `PERMISSION_DENIED`, `INVALID_ARGUMENT`, `PROTOCOL`, `CLOSED`.
   */
  async request(request: AgentRequest): Promise<AgentAnswer> {
    return await this.#send(request, this.#underWay, this.#sockets);
  }

  /**
   * A request that the agent may leave unanswered for a long time. Meanwhile the agent is pinged: one that is gone
   * without a word is found in seconds, and rejects `UNAVAILABLE`.
   */
  async wait(request: AgentRequest): Promise<AgentAnswer> {
    const answer = this.#send(request, this.#waiting, this.#waitingSockets);
    this.#ping();
    return await answer;
  }

  /** Ends every request by that error, those to come as well, and every connection. */
  close(error: RegistryError): void {
    this.#closed = error;
    this.#stopPinging?.();
    this.#stopPinging = undefined;
    for (const end of [...this.#underWay, ...this.#waiting]) end(error);
    this.#sockets.destroy();
    this.#waitingSockets.destroy();
  }

  async #send(
    request: AgentRequest,
    among: Set<(error: RegistryError) => void>,
    sockets: HttpAgent,
  ): Promise<AgentAnswer> {
    const { signal, doing, token, body } = request;
    if (signal.aborted) throw abortError(signal, doing);
    if (this.#closed) throw this.#closed;
    const cancelling = new EventEmitter();
    let reason: RegistryError | undefined;
    const end = (error: RegistryError) => {
      reason ??= error;
      cancelling.emit('cancel');
    };
    const onAbort = () => end(abortError(signal, doing));
    const answer = new AnswerBody((problem) => end(new RegistryError('PROTOCOL', `${doing}: ${problem}`)));
    signal.addEventListener('abort', onAbort, { once: true });
    among.add(end);
    try {
      // oxlint-disable-next-line no-underscore-dangle -- the library's name for it
      const { statusCode, headers } = await this.#http._request({
        method: request.method,
        path: request.path,
        params: { ...request.params },
        query: { ...request.query },
        headers: token === undefined ? {} : { 'X-Consul-Token': token },
        ...(body !== undefined && { body }),
        agent: sockets,
        ctx: cancelling,
        timeout: request.timeoutMs ?? CALL_MS,
        pipe: answer,
      });
      return { status: statusCode, headers, text: answer.text };
    } catch (error) {
      if (reason) throw reason;
      const status = statusOf(error);
      if (status === undefined) throw requestError(error, doing, this.address);
      // Servers before 1.9 answer 500 for what they don't know.
      const isMissing = status === 404 || (status === 500 && /^Unknown (?:check|service)/u.test(answer.text));
      if (isMissing && request.mayBeMissing) return { status: 404, headers: {}, text: answer.text };
      throw answerError(status, answer.text, doing, this.address);
    } finally {
      among.delete(end);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #ping(): void {
    if (this.#closed) return;
    this.#stopPinging ??= this.#clock.after(PING_EVERY_MS, () => {
      this.#stopPinging = undefined;
      if (this.#waiting.size > 0) void this.#lookForLife();
    });
  }

  async #lookForLife(): Promise<void> {
    const { signal } = new AbortController();
    // It says who leads; the answer doesn't matter, and it needs no token.
    const doing = 'ping';
    try {
      await this.#send(
        {
          method: 'GET',
          path: '/status/leader',
          token: undefined,
          signal,
          doing,
          timeoutMs: PING_MS,
        },
        this.#underWay,
        this.#waitingSockets,
      );
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'CLOSED') return;
      const message = `the Consul agent at ${this.address} gives no sign of life`;
      for (const end of this.#waiting) end(new RegistryError('UNAVAILABLE', message, { cause: error }));
      return;
    }
    if (this.#waiting.size > 0) this.#ping();
  }
}

/** Collects an answer's body. The library would do it as well, but without a limit, and would miss that it was cut short. */
class AnswerBody extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly #onProblem: (problem: string) => void;
  #bytes = 0;

  constructor(onProblem: (problem: string) => void) {
    super();
    this.#onProblem = onProblem;
    this.once('pipe', (response: IncomingMessage) => {
      response.once('close', () => {
        if (!response.complete) onProblem('the answer was cut short');
      });
    });
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_ANSWER_BYTES) {
      this.#chunks.length = 0;
      this.#onProblem(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    } else this.#chunks.push(chunk);
    done();
  }
}

/** What the library has below its typed methods; it comes from its base class, which has no types. */
interface RequestLayer {
  _request(options: {
    readonly method: string;
    readonly path: string;
    readonly params: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, string>>;
    readonly headers: OutgoingHttpHeaders;
    readonly body?: unknown;
    readonly agent: HttpAgent;
    /** Its event `cancel` ends the request. */
    readonly ctx: EventEmitter;
    readonly timeout: number;
    /** Where the body goes. */
    readonly pipe: Writable;
  }): Promise<{ readonly statusCode: number; readonly headers: AgentAnswer['headers'] }>;
}

function statusOf(error: unknown): number | undefined {
  const { statusCode, isResponse } = error as { statusCode?: number; isResponse?: boolean };
  return isResponse === true ? statusCode : undefined;
}
