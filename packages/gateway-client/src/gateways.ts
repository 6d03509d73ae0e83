import { abortError, type Clock, RegistryError } from '@rollcall/core';
import { type HttpAnswer, HttpServers, type TlsFiles, type TokenSource } from '@rollcall/core/network';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { problemError, readProblem, refusal, saidBy } from './problem.ts';
import type { TraceHeaders } from './trace-headers.ts';

export interface GatewaysOptions {
  readonly urls: readonly string[];
  readonly tls?: TlsFiles;
  readonly token: TokenSource;
  readonly traceHeaders: TraceHeaders;
  readonly clock: Clock;
}

export interface GatewayCall {
  readonly signal: AbortSignal;
  /** What is being done, for messages. */
  readonly doing: string;
}

export interface GatewayRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below `/v1`, in clear. */
  readonly path: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
  /** The gateway to ask first, or instead of all others. */
  readonly server?: { readonly url: string; readonly isOnly: boolean };
  /** How long one gateway may take while there is another to ask, in milliseconds. Defaults to 2 000. */
  readonly attemptTimeoutMs?: number;
}

/** A gateway says every 10 s that it is there. */
const SILENCE_MS = 30_000;

/** The most characters of one event, as an answer may have bytes. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024;

/** The gateways of the options, of which one is used until it fails, with the token that goes with each request. */
export class Gateways {
  readonly #http: HttpServers;
  readonly #token: TokenSource;
  readonly #traceHeaders: TraceHeaders;

  constructor({ urls, tls, token, traceHeaders, clock }: GatewaysOptions) {
    this.#token = token;
    this.#traceHeaders = traceHeaders;
    this.#http = new HttpServers({
      name: 'gateway',
      servers: urls,
      ...(tls && { tls }),
      dotNames: true,
      said: saidBy,
      clock,
    });
  }

  /** The URL of the one in use. */
  get current(): string {
    return this.#http.current;
  }

  /** @throws {RegistryError} also for an answer that is no success. */
  async request(call: GatewayCall, { body, headers, path, ...request }: GatewayRequest): Promise<HttpAnswer> {
    const { signal, doing } = call;
    return await this.#withToken(call, async (authorization) => {
      const answer = await this.#http.request({
        ...request,
        path: ['v1', ...path],
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        headers: {
          accept: 'application/json, application/problem+json',
          ...this.#traceHeaders(),
          ...authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        answeredBy: [501],
        signal,
        doing,
      });
      if (answer.status >= 200 && answer.status < 300) return answer;
      const error = refusal(answer, doing);
      // One that isn't a gateway is not asked first again.
      if (error.code === 'PROTOCOL') this.#http.failed(answer.server);
      throw error;
    });
  }

  /**
   * What an answer says, read. Where it can't be read, the gateway is none, and another is asked the next time.
   *
   * @throws {RegistryError} `PROTOCOL`
   */
  read<T>(
    { server, text }: Pick<HttpAnswer, 'server' | 'text'>,
    { doing }: GatewayCall,
    read: (text: string) => T,
  ): T {
    try {
      return read(text);
    } catch (error) {
      this.#http.failed(server);
      const why = error instanceof Error ? error.message : String(error);
      const what = `${doing}: what ${server} answers ${why}: is it a Rollcall gateway? check urls`;
      throw new RegistryError('PROTOCOL', what, { cause: error });
    }
  }

  /**
   * Follows a stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html). It ends by throwing.
   *
   * @throws {RegistryError} also for the event `end`, by which a gateway says why it goes no further.
   */
  async *events(call: GatewayCall, path: readonly string[]): AsyncGenerator<GatewayEvent, never, undefined> {
    const { signal, doing } = call;
    const stream = await this.#withToken(call, async (authorization) => {
      const answer = await this.#http.stream(
        {
          method: 'GET',
          path: ['v1', ...path],
          headers: { accept: 'text/event-stream', ...authorization },
          answeredBy: [501],
          signal,
          doing,
        },
        SILENCE_MS,
      );
      if ('parts' in answer) return answer;
      throw refusal(answer, doing);
    });
    const { server } = stream;
    try {
      const type = stream.headers['content-type'] ?? 'nothing';
      if (!type.startsWith('text/event-stream')) {
        this.#http.failed(server);
        const what = `${doing}: ${server} answers ${type}, not events: is it a Rollcall gateway? check urls`;
        throw new RegistryError('PROTOCOL', what);
      }
      const events = new EventReader(doing);
      for await (const part of stream.parts) {
        for (const { event = 'message', data } of events.read(part)) {
          if (event === 'end') throw this.#ended(data, server, doing);
          yield { event, data, server };
        }
      }
    } catch (error) {
      // Lost or silent: the next time another is asked first.
      if (!signal.aborted && error instanceof RegistryError && error.code === 'UNAVAILABLE')
        this.#http.failed(server);
      throw error;
    } finally {
      stream.close();
    }
    throw new RegistryError('UNAVAILABLE', `${doing}: the gateway at ${server} ended the stream`);
  }

  close(): void {
    this.#http.close();
  }

  #ended(data: string, server: string, doing: string): RegistryError {
    const problem = readProblem(data);
    return problem
      ? problemError(problem, server, doing)
      : new RegistryError('UNAVAILABLE', `${doing}: the gateway at ${server} ended the stream`);
  }

  /** Whatever a server that isn't ours answers: the token is in no message. */
  async #withToken<T>(
    { signal, doing }: GatewayCall,
    run: (authorization: { readonly authorization?: string }) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw abortError(signal, doing);
    let token: string | undefined;
    try {
      token = await this.#token(signal);
    } catch (error) {
      throw signal.aborted ? abortError(signal, doing) : error;
    }
    if (token === undefined) return await run({});
    if (!/^[\u0021-\u007e]+$/u.test(token)) {
      const field = 'registry.options.tokenFile';
      const what = `${doing}: ${field} holds what can't be a token: give one line of ASCII, without spaces`;
      throw new RegistryError('INVALID_CONFIG', what, { field });
    }
    try {
      return await run({ authorization: `Bearer ${token}` });
    } catch (error) {
      if (!(error instanceof RegistryError && error.message.includes(token))) throw error;
      const message = error.message.replaceAll(token, '***');
      throw new RegistryError(error.code, message, error.field === undefined ? {} : { field: error.field });
    }
  }
}

export interface GatewayEvent {
  readonly event: string;
  readonly data: string;
  /** Who told it. */
  readonly server: string;
}

/** Makes events of the parts of a stream, as they come. */
class EventReader {
  readonly #found: EventSourceMessage[] = [];
  readonly #parser;
  readonly #doing: string;
  #isTooLong = false;

  constructor(doing: string) {
    this.#doing = doing;
    this.#parser = createParser({
      maxBufferSize: MAX_EVENT_CHARACTERS,
      onEvent: (event) => this.#found.push(event),
      onError: ({ type }) => (this.#isTooLong ||= type === 'max-buffer-size-exceeded'),
    });
  }

  /** @throws {RegistryError} `PROTOCOL` for an event that is larger than allowed. */
  read(part: string): readonly EventSourceMessage[] {
    this.#parser.feed(part);
    if (!this.#isTooLong) return this.#found.splice(0);
    const what = `${this.#doing}: an event is larger than ${MAX_EVENT_CHARACTERS} characters`;
    throw new RegistryError('PROTOCOL', what);
  }
}
