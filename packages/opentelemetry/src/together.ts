import type { AttemptObserver, CallObserver, HttpObserver, HttpOptions, ObservedEnd } from '@rollcall/http';

/** The options with one more observer, beside the one that they may have. */
export function observedBy(options: HttpOptions, observer: HttpObserver): HttpOptions {
  const { observer: before } = options;
  return { ...options, observer: before ? both(before, observer) : observer };
}

function both(one: HttpObserver, other: HttpObserver): HttpObserver {
  return (request) => joined(one(request), other(request), bothCalls);
}

function bothCalls(one: CallObserver, other: CallObserver): CallObserver {
  return {
    onAttempt: (attempt) => joined(one.onAttempt?.(attempt), other.onAttempt?.(attempt), bothTries),
    onEnd: (end) => {
      one.onEnd?.(end);
      other.onEnd?.(end);
    },
  };
}

function bothTries(one: AttemptObserver, other: AttemptObserver): AttemptObserver {
  const onEnd = (end: ObservedEnd) => {
    one.onEnd?.(end);
    other.onEnd?.(end);
  };
  if (one.headers && other.headers) return { headers: { ...one.headers, ...other.headers }, onEnd };
  const headers = one.headers ?? other.headers;
  return headers ? { headers, onEnd } : { onEnd };
}

/** Whichever of the two there is, or what is made of both. */
function joined<T>(one: T | undefined, other: T | undefined, join: (one: T, other: T) => T): T | undefined {
  return one && other ? join(one, other) : (one ?? other);
}
