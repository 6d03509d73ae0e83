import type { ServerResponse } from 'node:http';
import type { HttpProblem } from './problem.ts';

/** A reader that takes nothing for this long is let go, in milliseconds. */
const STALLED_MS = 30_000;

export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  // Nothing else comes on it after the stream.
  connection: 'close',
} as const;

export interface EventStreamOptions {
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string | number>>;
  /** A reader that was too slow can take more again: it gets the newest state, not what it missed. */
  readonly onCaughtUp: () => void;
  readonly onClosed: () => void;
}

/**
 * One open stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). A reader that
 * is slower than the changes costs one buffer, and not a queue: while it is full nothing is written.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #options: EventStreamOptions;
  #isFull = false;
  #missed = false;
  #isOver = false;
  #stalled: NodeJS.Timeout | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#response = options.response;
    this.#response.writeHead(200, { ...STREAM_HEADERS, ...options.headers });
    this.#response.flushHeaders();
    this.#response.on('drain', () => this.#onDrain());
    this.#response.on('error', () => {});
    this.#response.once('close', () => this.#onClose());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param text an event as {@link eventText} makes it. @returns `false` when it was left out: the reader is too slow. */
  send(text: string): boolean {
    if (this.#isOver) return false;
    if (this.#isFull) {
      this.#missed = true;
      return false;
    }
    if (!this.#response.write(text)) this.#onFull();
    return true;
  }

  /** Keeps proxies and readers from giving up. */
  beat(): void {
    if (!this.#isOver && !this.#isFull && !this.#response.write(': \n\n')) this.#onFull();
  }

  /** Says why, and ends it. */
  end({ problem }: HttpProblem): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#stalled);
    // A reader that doesn't read is not waited for.
    this.#stalled = setTimeout(() => this.#response.destroy(), STALLED_MS / 10);
    this.#stalled.unref();
    this.#response.end(eventText('end', JSON.stringify(problem)));
  }

  #onFull(): void {
    this.#isFull = true;
    this.#stalled = setTimeout(() => this.#response.destroy(), STALLED_MS);
    this.#stalled.unref();
  }

  #onDrain(): void {
    if (this.#isOver) return;
    clearTimeout(this.#stalled);
    this.#isFull = false;
    if (!this.#missed) return;
    this.#missed = false;
    this.#options.onCaughtUp();
  }

  #onClose(): void {
    this.#isOver = true;
    clearTimeout(this.#stalled);
    this.#options.onClosed();
  }
}

/** @param data without a line break, as JSON is. */
export function eventText(event: string, data: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}
