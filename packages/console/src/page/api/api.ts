import { ApiError, problemError, toApiError } from './api-error.ts';

/** How long an answer may take. A stream has begun by then. */
const DEADLINE_MS = 15_000;

export interface Answer<T> {
  readonly body: T;
  readonly etag: string | undefined;
}

interface Call {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The gateway's HTTP API, as one who holds this token. The token goes into a header and nowhere else. */
export class Api {
  readonly #token: string | undefined;
  /** Is told when the gateway no longer takes the token. */
  onUnauthenticated: (error: ApiError) => void = () => {};

  constructor(token?: string) {
    this.#token = token;
  }

  /** @throws {ApiError} */
  async get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
    return this.#json<T>('GET', path, signal ? { signal } : {});
  }

  /**
   * Changes something, if it still is what was seen: `etag` is sent as `If-Match`.
   *
   * @throws {ApiError} with status 412 where it changed meanwhile.
   */
  async change<T>(method: 'PUT' | 'DELETE', path: string, etag?: string, body?: unknown): Promise<Answer<T>> {
    return this.#json<T>(method, path, {
      headers: etag === undefined ? {} : { 'if-match': etag },
      ...(body !== undefined && { body }),
    });
  }

  /** Begins to read a stream of events. */
  async open(
    path: string,
    signal: AbortSignal,
    lastEventId: string | undefined,
  ): Promise<ReadableStream<Uint8Array>> {
    const headers = {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    };
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), DEADLINE_MS);
    try {
      const response = await this.#fetch('GET', path, {
        signal: AbortSignal.any([signal, deadline.signal]),
        headers,
      });
      if (!response.body) throw new ApiError(response.status, 'The gateway sent no stream.');
      return response.body;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tells what a stream ended with: a token may expire while it runs. */
  endedWith(error: ApiError): void {
    if (error.status === 401) this.onUnauthenticated(error);
  }

  async #json<T>(method: string, path: string, call: Call): Promise<Answer<T>> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline;
    const response = await this.#fetch(method, path, { ...call, signal });
    const text = await response.text();
    return {
      body: (text === '' ? undefined : JSON.parse(text)) as T,
      etag: response.headers.get('etag') ?? undefined,
    };
  }

  async #fetch(method: string, path: string, { signal, headers, body }: Call): Promise<Response> {
    const response = await fetch(path, {
      method,
      headers: {
        ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    }).catch((error: unknown) => {
      throw toApiError(error);
    });
    if (response.ok) return response;
    const error = problemError(response.status, await response.json().catch(() => undefined));
    if (error.status === 401) this.onUnauthenticated(error);
    throw error;
  }
}
