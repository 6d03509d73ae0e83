import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { gunzip } from 'node:zlib';
import { abortError, createController, linkSignals } from '../deadline.ts';
import { RegistryError, toRegistryError } from '../errors.ts';
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

  /**
   * @throws {RegistryError} `UNAVAILABLE` when none serves, with what became of each; `DEADLINE_EXCEEDED` or `ABORTED` by
   *   the signal; `PROTOCOL` for an answer that is larger than allowed; `INVALID_ARGUMENT` for `.` or `..` in the path;
   *   `CLOSED`.
   */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { signal, doing } = request;
    const target = targetOf(request);
    const { servers, attemptTimeoutMs = ATTEMPT_TIMEOUT_MS, name } = this.#options;
    const first = this.#current;
    const failures: { readonly server: string; readonly error: RegistryError }[] = [];
    const link = linkSignals(signal, this.#closed.signal);
    try {
      for (const [tried] of servers.entries()) {
        if (link.signal.aborted) throw abortError(link.signal, doing);
        const place = (first + tried) % servers.length;
        const server = servers[place] as string;
        // The last one has all the time that there is.
        const patience = tried < servers.length - 1 ? attemptTimeoutMs : undefined;
        try {
          // oxlint-disable-next-line no-await-in-loop -- the next is asked only when this one has failed
          return await this.#attempt(server, target, request, link.signal, patience);
        } catch (error) {
          // Others may have moved on while this one was waited for.
          if (this.#current === place) this.#current = (place + 1) % servers.length;
          if (link.signal.aborted) throw abortError(link.signal, doing);
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

  /** Ends requests that wait, and closes every connection. */
  close(): void {
    this.#closed.abort(new RegistryError('CLOSED', `the connection to ${this.#options.name} is closed`));
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #attempt(
    server: string,
    target: string,
    request: HttpRequest,
    signal: AbortSignal,
    patienceMs: number | undefined,
  ): Promise<HttpAnswer> {
    const { doing, answeredBy = [] } = request;
    const link = linkSignals(signal);
    const timer =
      patienceMs === undefined
        ? undefined
        : setTimeout(() => {
            const what = `${doing}: no answer within ${patienceMs} ms`;
            link.controller.abort(new RegistryError('DEADLINE_EXCEEDED', what));
          }, patienceMs);
    try {
      const answer = await this.#exchange(server, target, request, link.signal);
      if (answer.status >= 500 && !answeredBy.includes(answer.status))
        throw new RegistryError('UNAVAILABLE', `${doing}: it answered ${answer.status}`);
      return answer;
    } catch (error) {
      throw link.signal.aborted ? abortError(link.signal, doing) : error;
    } finally {
      clearTimeout(timer);
      link.release();
    }
  }

  async #exchange(
    server: string,
    target: string,
    request: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    for (;;) {
      // A kept connection that the server closed just before it was used says nothing about the server. Each is tried
      // once, and the last is a new one.
      // oxlint-disable-next-line no-await-in-loop -- the next is used only when this one was stale
      const answer = await this.#once(server, target, request, signal);
      if (answer !== STALE) return answer;
    }
  }

  #once(
    server: string,
    target: string,
    request: HttpRequest,
    signal: AbortSignal,
  ): Promise<HttpAnswer | typeof STALE> {
    const { method, headers = {}, body, doing, gzip = false } = request;
    const { maxBodyBytes = MAX_BODY_BYTES } = this.#options;
    const isSecure = server.startsWith('https:');
    return new Promise((resolve, reject) => {
      const outgoing = (isSecure ? httpsRequest : httpRequest)(server.replace(/\/$/u, '') + target, {
        method,
        headers: {
          ...headers,
          ...(gzip && { 'accept-encoding': 'gzip' }),
          ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
        },
        agent: isSecure ? this.#agents.https : this.#agents.http,
        signal,
      });
      outgoing.on('error', (error) => {
        const isStale = outgoing.reusedSocket && 'code' in error && STALE_CODES.has(error.code);
        if (isStale) resolve(STALE);
        else reject(explain(error, doing));
      });
      outgoing.on('response', (incoming) => {
        const parts: Buffer[] = [];
        let size = 0;
        incoming.on('data', (part: Buffer) => {
          size += part.length;
          parts.push(part);
          if (size <= maxBodyBytes) return;
          reject(tooLarge(doing, maxBodyBytes));
          incoming.destroy();
        });
        incoming.on('error', (error) =>
          reject(new RegistryError('UNAVAILABLE', `${doing}: the answer was cut short`, { cause: error })),
        );
        incoming.on('end', () => {
          const answer = (bytes: Buffer) =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: bytes.toString(),
              server,
            });
          const bytes = Buffer.concat(parts);
          if (incoming.headers['content-encoding'] !== 'gzip') return answer(bytes);
          gunzip(bytes, { maxOutputLength: maxBodyBytes }, (error, unpacked) => {
            if (!error) answer(unpacked);
            else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
              reject(tooLarge(doing, maxBodyBytes));
            else reject(new RegistryError('PROTOCOL', `${doing}: the answer is no gzip`, { cause: error }));
          });
        });
      });
      outgoing.end(body);
    });
  }
}

const STALE_CODES: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

/** The connection had been closed by the server while nobody used it. */
const STALE = Symbol('stale');

function targetOf({ path, query, doing }: HttpRequest): string {
  for (const part of path) {
    if (part === '.' || part === '..')
      throw new RegistryError('INVALID_ARGUMENT', `${doing}: ${part} can't stand in a path`);
  }
  const search = new URLSearchParams(query).toString();
  return `/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

function tooLarge(doing: string, maxBytes: number): RegistryError {
  return new RegistryError('PROTOCOL', `${doing}: the answer is larger than ${maxBytes} bytes`);
}

/** What a server that is no HTTP server, or whose certificate is not trusted, answers is not an outage that passes, but may be mended. */
function explain(error: Error, doing: string): RegistryError {
  const code = 'code' in error ? String(error.code) : '';
  if (/^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$)/u.test(code)) {
    const what = `${doing}: TLS failed (${code}): check https, tls.ca and tls.serverName`;
    return new RegistryError('UNAVAILABLE', what, { cause: error });
  }
  if (code.startsWith('HPE_'))
    return new RegistryError('UNAVAILABLE', `${doing}: the answer is no HTTP (${code})`, { cause: error });
  return toRegistryError(error, doing);
}

function withoutStart(message: string, doing: string): string {
  return message.startsWith(`${doing}: `) ? message.slice(doing.length + 2) : message;
}
