import type { Duplex } from 'node:stream';
import { type Dispatcher, util } from 'undici';

/**
 * Who is told what becomes of a request, in the form that undici's core speaks, and its `fetch` and `request` with it
 * (https://github.com/nodejs/undici/blob/v7.30.1/docs/docs/api/Dispatcher.md#parameter-dispatchhandler). The other form, with a
 * controller, costs an object and the headers' way to and fro for each of the layers between.
 */
export interface RequestHandler {
  onConnect(abort: (reason?: Error) => void, context: object): void;
  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void;
  /** @returns `false` to wait for `resume`. */
  onHeaders(status: number, headers: RawHeaders, resume: () => void, message: string): boolean;
  /** @returns `false` to wait for `resume`. */
  onData(chunk: Buffer): boolean;
  onComplete(trailers: string[] | null): void;
  onError(error: Error): void;
}

/** Names and values in turn. */
export type RawHeaders = Buffer[];

/** The handler in that form. */
export function requestHandler(handler: Dispatcher.DispatchHandler): RequestHandler {
  // What lacks a method of its form, undici's core refuses too.
  return handler.onRequestStart ? new Adapted(handler) : (handler as unknown as RequestHandler);
}

/** A handler with a controller, called in the other form. */
class Adapted implements RequestHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  #controller = new Controller(() => {});

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
  }

  onConnect(abort: (reason?: Error) => void, context: object): void {
    this.#controller = new Controller(abort);
    this.#handler.onRequestStart?.(this.#controller, context);
  }

  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    this.#handler.onRequestUpgrade?.(this.#controller, status, util.parseHeaders(headers), socket);
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, message: string): boolean {
    const controller = this.#controller;
    controller.onResume = resume;
    controller.rawHeaders = headers;
    this.#handler.onResponseStart?.(controller, status, util.parseHeaders(headers), message);
    return !controller.paused;
  }

  onData(chunk: Buffer): boolean {
    this.#handler.onResponseData?.(this.#controller, chunk);
    return !this.#controller.paused;
  }

  onComplete(trailers: string[] | null): void {
    this.#controller.rawTrailers = trailers;
    this.#handler.onResponseEnd?.(this.#controller, util.parseHeaders(trailers ?? []));
  }

  onError(error: Error): void {
    this.#handler.onResponseError?.(this.#controller, error);
  }
}

class Controller implements Dispatcher.DispatchController {
  readonly #abort: (reason?: Error) => void;
  rawHeaders: RawHeaders | null = null;
  rawTrailers: string[] | null = null;
  onResume = (): void => {};
  paused = false;
  reason: Error | null = null;

  constructor(abort: (reason?: Error) => void) {
    this.#abort = abort;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(reason: Error): void {
    if (this.reason) return;
    this.reason = reason;
    this.#abort(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.onResume();
  }
}
