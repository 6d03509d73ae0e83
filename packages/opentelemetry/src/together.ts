import type {
  AttemptObserver,
  AttemptStart,
  CallObserver,
  HttpObserver,
  HttpOptions,
  ObservedEnd,
} from '@rollcall/http';

/** The options with one more observer, beside the one that they may have. */
export function observedBy(options: HttpOptions, observer: HttpObserver): HttpOptions {
  const { observer: before } = options;
  return { ...options, observer: before ? both(before, observer) : observer };
}

function both(first: HttpObserver, second: HttpObserver): HttpObserver {
  return (request) => {
    const one = first(request);
    const other = second(request);
    return one && other ? new BothCalls(one, other) : (one ?? other);
  };
}

class BothCalls implements CallObserver {
  readonly #one: CallObserver;
  readonly #other: CallObserver;

  constructor(one: CallObserver, other: CallObserver) {
    this.#one = one;
    this.#other = other;
  }

  onAttempt(attempt: AttemptStart): AttemptObserver | undefined {
    const one = this.#one.onAttempt?.(attempt);
    const other = this.#other.onAttempt?.(attempt);
    return one && other ? new BothTries(one, other) : (one ?? other);
  }

  onEnd(end: ObservedEnd): void {
    this.#one.onEnd?.(end);
    this.#other.onEnd?.(end);
  }
}

class BothTries implements AttemptObserver {
  readonly headers: Readonly<Record<string, string>>;
  readonly #one: AttemptObserver;
  readonly #other: AttemptObserver;

  constructor(one: AttemptObserver, other: AttemptObserver) {
    const { headers = other.headers ?? NONE } = one;
    this.headers = one.headers && other.headers ? { ...headers, ...other.headers } : headers;
    this.#one = one;
    this.#other = other;
  }

  onEnd(end: ObservedEnd): void {
    this.#one.onEnd?.(end);
    this.#other.onEnd?.(end);
  }
}

const NONE = Object.freeze({});
