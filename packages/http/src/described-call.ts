import type { Dispatcher } from 'undici';
import type { ObservedRequest } from './observer.ts';
import { headersOf } from './request-headers.ts';

/** A call, as those see it who are asked about it or told of it. */
export class DescribedCall implements ObservedRequest {
  readonly service: string;
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly #written: Dispatcher.DispatchOptions['headers'];
  #headers: ObservedRequest['headers'] | undefined;

  constructor(service: string, origin: string, request: Dispatcher.DispatchOptions) {
    this.service = service;
    this.origin = origin;
    this.method = request.method;
    this.path = request.path;
    this.#written = request.headers;
  }

  /** Read when somebody asks for them: few do, and it takes as long as all else that a call is told by. */
  get headers(): ObservedRequest['headers'] {
    return (this.#headers ??= headersOf(this.#written));
  }
}
