import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Clock, systemClock } from '../clock.ts';
import { abortError, createController, linkSignals } from '../deadline.ts';
import { RegistryError, toRegistryError } from '../errors.ts';
import { encodeSegment } from '../names.ts';
import { follow, readWhole, send } from './http-exchange.ts';
import type { TlsFiles } from './tls.ts';

export interface HttpServersOptions {
  /** The name for messages, such as `Eureka`. */
  readonly name: string;
  /** The base URLs of the servers, without credentials; a path in one is kept. All serve the same. */
  readonly servers: readonly string[];
  readonly tls?: TlsFiles;
  /** The most bytes of an answer's body, once it is unpacked. Defaults to 64 MiB. */
  readonly maxBodyBytes?: number;
  /** How long one server may take while there is another to ask, in milliseconds. Defaults to 2 000. */
  readonly attemptTimeoutMs?: number;
  /** Whether `.` and `..` may stand in a path, as `%2E` and `%2E.`. Most servers take them for steps, so it defaults to `false`. */
  readonly dotNames?: boolean;
  /** What an answer of 500 or above says, for messages. Left out: nothing of it, as it may say anything. */
  readonly said?: (answer: HttpAnswer) => string;
  /** For {@link HttpServers.stream}. Defaults to the machine's. */
  readonly clock?: Clock;
}

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Its parts, in clear: each is encoded here, so that a name can't climb out of its place. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the answer may come as gzip. For long ones that the server keeps packed; defaults to `false`. */
  readonly gzip?: boolean;
  /** Statuses of 500 and above by which this request is answered, and no server said to be out of order. */
  readonly answeredBy?: readonly number[];
  /** The server to ask first, or instead of all others. Defaults to the one in use, then the others. */
  readonly server?: { readonly url: string; readonly isOnly: boolean };
  /** In place of {@link HttpServersOptions.attemptTimeoutMs}. */
  readonly attemptTimeoutMs?: number;
  readonly signal: AbortSignal;
  /** What is being done, against what; it starts the message of an error: `register user-service/7 in Eureka`. */
  readonly doing: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** As Node has them: names in lower case. */
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The base URL of the server that answered. */
  readonly server: string;
}

/** An answer of 2xx whose body goes on. */
export interface HttpStream extends Omit<HttpAnswer, 'text'> {
  /**
   * For one reader. It throws `UNAVAILABLE` when the connection is lost or silent, what the signal gives, or `CLOSED`. While the
   * reader is busy, nothing more is taken in.
   */
  readonly parts: AsyncIterable<string>;
  /** Ends the connection. To be called by who doesn't read to the end; so does the signal. */
  close(): void;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const ATTEMPT_TIMEOUT_MS = 2_000;

/**
 * Several servers that serve the same over HTTP, and the one of them that is used. When it can't be reached, answers 5xx
 * or doesn't answer in time, the next takes its place. For one request each is asked once, so a request must be such that it
 * may be made twice. An answer below 500 is the answer; redirects are not followed.
 */
export class HttpServers {
  readonly #options: HttpServersOptions;
  readonly #agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly #closed = createController();
  /** The place of the one in use. */
  #current = 0;

  constructor(options: HttpServersOptions) {
    if (options.servers.length === 0) throw new TypeError(`${options.name}: no server is given`);
    this.#options = options;
    const { ca, cert, key, serverName } = options.tls ?? {};
    this.#agents = {
      http: new HttpAgent({ keepAlive: true }),
      https: new HttpsAgent({
        keepAlive: true,
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        ...(serverName !== undefined && { servername: serverName }),
      }),
    };
  }

  /** The base URL of the one in use. */
  get current(): string {
    return this.#options.servers[this.#current] as string;
  }

  /** From now on that server is not the one in use; where it is no more, nothing changes. */
  failed(server: string): void {
    if (this.current === server) this.#current = (this.#current + 1) % this.#options.servers.length;
  }

  /**
   * @throws {RegistryError} `UNAVAILABLE` when none serves, with what became of each; `DEADLINE_EXCEEDED` or `ABORTED` by
   *   the signal; `PROTOCOL` for an answer that is larger than allowed; `INVALID_ARGUMENT` for `.` or `..` in the path;
   *   `CLOSED`.
   */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    return await this.#inTurn(
      request,
      async (server, incoming) => await this.#whole(request, server, incoming),
    );
  }

  /**
   * As {@link request}, for an answer whose body goes on for as long as both sides want. One that is no 2xx is read to its end.
   *
   * @param silenceMs after so long without a byte the connection counts as dead, in milliseconds.
   */
  async stream(request: HttpRequest, silenceMs: number): Promise<HttpStream | HttpAnswer> {
    const { signal, doing } = request;
    return await this.#inTurn<HttpStream | HttpAnswer>(request, async (server, incoming) => {
      const { statusCode: status = 0, headers } = incoming;
      if (status < 200 || status > 299) return await this.#whole(request, server, incoming);
      const { clock = systemClock } = this.#options;
      const parts = follow(incoming, { clock, silenceMs, doing, signals: [signal, this.#closed.signal] });
      return { status, headers, server, parts, close: () => void incoming.destroy() };
    });
  }

  /** Ends requests that wait, and closes every connection. */
  close(): void {
    this.#closed.abort(new RegistryError('CLOSED', `the connection to ${this.#options.name} is closed`));
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** Asks one after the other, until one has an answer and it is taken. */
  async #inTurn<T>(request: HttpRequest, take: Take<T>): Promise<T> {
    const { signal, doing, server: chosen } = request;
    const target = this.#targetOf(request);
    const { servers, name, attemptTimeoutMs = ATTEMPT_TIMEOUT_MS } = this.#options;
    const inUse = [...servers.slice(this.#current), ...servers.slice(0, this.#current)];
    const order = chosen ? [chosen.url, ...inUse.filter((server) => server !== chosen.url)] : inUse;
    const asked = chosen?.isOnly === true ? [chosen.url] : order;
    const failures: { readonly server: string; readonly error: RegistryError }[] = [];
    const link = linkSignals(signal, this.#closed.signal);
    try {
      for (const [tried, server] of asked.entries()) {
        if (link.signal.aborted) throw abortError(link.signal, doing);
        // The last one has all the time that there is, unless another could be asked the next time.
        const isPressed = tried < asked.length - 1 || asked.length < servers.length;
        const patience = isPressed ? (request.attemptTimeoutMs ?? attemptTimeoutMs) : undefined;
        try {
          // oxlint-disable-next-line no-await-in-loop -- the next is asked only when this one has failed
          return await this.#attempt(server, target, { ...request, signal: link.signal }, patience, take);
        } catch (error) {
          const ended = link.signal.aborted ? abortError(link.signal, doing) : undefined;
          // Who gave up for reasons of their own says nothing about the server.
          if (ended?.code !== 'ABORTED' && ended?.code !== 'CLOSED') this.failed(server);
          if (ended) throw ended;
          if (error instanceof RegistryError && error.code === 'PROTOCOL') throw error;
          failures.push({ server, error: toRegistryError(error, doing) });
        }
      }
    } finally {
      link.release();
    }
    const [only, ...others] = failures;
    if (only && others.length === 0) throw only.error;
    const each = failures.map(({ server, error }) => `${server}: ${withoutStart(error.message, doing)}`);
    throw new RegistryError('UNAVAILABLE', `${doing}: no ${name} server serves: ${each.join('; ')}`, {
      cause: only?.error,
    });
  }

  async #attempt<T>(
    server: string,
    target: string,
    request: HttpRequest,
    patienceMs: number | undefined,
    take: Take<T>,
  ): Promise<T> {
    const { doing, method, headers = {}, gzip = false, body } = request;
    const link = linkSignals(request.signal);
    const timer =
      patienceMs === undefined
        ? undefined
        : setTimeout(() => {
            const what = `${doing}: no answer within ${patienceMs} ms`;
            link.controller.abort(new RegistryError('DEADLINE_EXCEEDED', what));
          }, patienceMs);
    try {
      const incoming = await send({
        method,
        server,
        target,
        headers: { ...headers, ...(gzip && { 'accept-encoding': 'gzip' }) },
        body,
        agent: server.startsWith('https:') ? this.#agents.https : this.#agents.http,
        signal: link.signal,
        doing,
      });
      return await take(server, incoming);
    } catch (error) {
      throw link.signal.aborted ? abortError(link.signal, doing) : error;
    } finally {
      clearTimeout(timer);
      link.release();
    }
  }

  async #whole(request: HttpRequest, server: string, incoming: IncomingMessage): Promise<HttpAnswer> {
    const { doing, answeredBy = [] } = request;
    const { maxBodyBytes = MAX_BODY_BYTES, said } = this.#options;
    const { statusCode: status = 0, headers } = incoming;
    const answer = { status, headers, text: await readWhole(incoming, doing, maxBodyBytes), server };
    if (status < 500 || answeredBy.includes(status)) return answer;
    const more = said ? `: ${said(answer)}` : '';
    throw new RegistryError('UNAVAILABLE', `${doing}: it answered ${status}${more}`);
  }

  #targetOf({ path, query, doing }: HttpRequest): string {
    const { dotNames = false } = this.#options;
    for (const part of path) {
      if (!dotNames && (part === '.' || part === '..'))
        throw new RegistryError('INVALID_ARGUMENT', `${doing}: ${part} can't stand in a path`);
    }
    const search = new URLSearchParams(query).toString();
    return `/${path.map(encodeSegment).join('/')}${search === '' ? '' : `?${search}`}`;
  }
}

/** Makes of the head of an answer, and where it is read, its body, what is wanted. */
type Take<T> = (server: string, incoming: IncomingMessage) => Promise<T>;

function withoutStart(message: string, doing: string): string {
  return message.startsWith(`${doing}: `) ? message.slice(doing.length + 2) : message;
}
