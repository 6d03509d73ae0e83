import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Api } from './api.ts';
import { ApiError, problemError, toApiError } from './api-error.ts';

/**
 * How a stream stands.
 *
 * | state | means | goes on to |
 * |---|---|---|
 * | `connecting` | nothing was heard yet | `live`, `lost`, `refused` |
 * | `live` | the gateway tells what happens | `lost`, `refused`, `resting` |
 * | `lost` | no connection; tried again at `retryAt` | `live`, `refused` |
 * | `refused` | the gateway won't tell: 401, 403, 404 | the end |
 * | `resting` | the tab was hidden for a while: its connection is given back | `connecting` |
 */
export type FeedState =
  | { readonly is: 'connecting' }
  | { readonly is: 'live' }
  | { readonly is: 'lost'; readonly error: ApiError; readonly retryAt: number }
  | { readonly is: 'refused'; readonly error: ApiError }
  | { readonly is: 'resting' };

export interface Follower {
  /** An event, its data read as JSON. */
  onEvent(event: string, data: unknown): void;
  onState(state: FeedState): void;
  /** Something was heard: an event, or the comment that says that the gateway is there. */
  onHeard(): void;
}

/** The gateway says something every 10 s. After this long without, the connection is dead. */
const SILENCE_MS = 25_000;
/** Browsers allow few connections to one server by HTTP/1.1, for all tabs together: a hidden tab gives its own back. */
const HIDDEN_MS = 30_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_CAP_MS = 20_000;

/** Follows a stream until `signal` aborts or the gateway refuses, and connects again whenever it breaks. */
export async function follow(api: Api, path: string, follower: Follower, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let lastEventId: string | undefined;
  follower.onState({ is: 'connecting' });
  while (!signal.aborted) {
    if (document.hidden) {
      follower.onState({ is: 'resting' });
      await untilVisible(signal);
      if (signal.aborted) return;
      follower.onState({ is: 'connecting' });
    }
    const error = await followOnce(api, path, signal, lastEventId, {
      onMessage({ event = 'message', data, id }) {
        lastEventId = id ?? lastEventId;
        const content: unknown = JSON.parse(data);
        if (event === 'end') return endOf(content);
        follower.onEvent(event, content);
        return undefined;
      },
      onOpen() {
        failures = 0;
        follower.onHeard();
        follower.onState({ is: 'live' });
      },
      onHeard: () => follower.onHeard(),
    });
    if (signal.aborted) return;
    if (error === 'hidden') continue;
    api.endedWith(error);
    if (error.status === 401 || error.status === 403 || error.status === 404) {
      follower.onState({ is: 'refused', error });
      return;
    }
    const waitMs = Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_FIRST_MS * 2 ** failures++);
    follower.onState({ is: 'lost', error, retryAt: Date.now() + waitMs });
    await untilRetry(waitMs, signal);
  }
}

/** Tries again at once, wherever a try is waited for. */
export function retryNow(): void {
  retries.dispatchEvent(new Event('now'));
}

const retries = new EventTarget();

interface Reader {
  /** Returns an error to end with. */
  onMessage(message: EventSourceMessage): ApiError | undefined;
  /** The gateway took the request: from here on it tells everything. */
  onOpen(): void;
  onHeard(): void;
}

async function followOnce(
  api: Api,
  path: string,
  signal: AbortSignal,
  lastEventId: string | undefined,
  reader: Reader,
): Promise<ApiError | 'hidden'> {
  const attempt = new AbortController();
  let end: ApiError | 'hidden' | undefined;
  const stop = (why: ApiError | 'hidden'): void => {
    end ??= why;
    attempt.abort();
  };
  const silence = new Timer(SILENCE_MS, () =>
    stop(new ApiError(0, `The gateway said nothing for ${SILENCE_MS / 1_000} s.`)),
  );
  const hidden = new Timer(HIDDEN_MS, () => stop('hidden'));
  const onVisibility = (): void => (document.hidden ? hidden.start() : hidden.stop());
  document.addEventListener('visibilitychange', onVisibility);
  try {
    const stream = await api.open(path, AbortSignal.any([signal, attempt.signal]), lastEventId);
    const parser = createParser({
      onEvent(message) {
        const error = end === undefined ? reader.onMessage(message) : undefined;
        if (error) stop(error);
      },
    });
    silence.start();
    const chunks = stream
      .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
      .getReader();
    reader.onOpen();
    for (;;) {
      const { value, done } = await chunks.read();
      if (done) break;
      silence.start();
      reader.onHeard();
      parser.feed(value);
    }
    return end ?? new ApiError(0, 'The gateway ended the stream.');
  } catch (error) {
    return end ?? toApiError(error);
  } finally {
    document.removeEventListener('visibilitychange', onVisibility);
    silence.stop();
    hidden.stop();
    attempt.abort();
  }
}

function endOf(problem: unknown): ApiError {
  const status = (problem as { status?: unknown } | null)?.status;
  return problemError(typeof status === 'number' ? status : 0, problem);
}

class Timer {
  readonly #ms: number;
  readonly #then: () => void;
  #id: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, then: () => void) {
    this.#ms = ms;
    this.#then = then;
  }

  start(): void {
    this.stop();
    this.#id = setTimeout(this.#then, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#id);
  }
}

function untilVisible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    document.addEventListener('visibilitychange', done);
    signal.addEventListener('abort', done);
  });
}

function untilRetry(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      retries.removeEventListener('now', done);
      window.removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    retries.addEventListener('now', done);
    window.addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
