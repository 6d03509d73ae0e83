import type { AttemptObserver, CallObserver, HttpObserver, HttpOptions } from '@rollcall/http';

/** The options with one more observer, beside the one that they may have. */
export function observedBy(options: HttpOptions, observer: HttpObserver): HttpOptions {
  const { observer: before } = options;
  return { ...options, observer: before ? both(before, observer) : observer };
}

function both(one: HttpObserver, other: HttpObserver): HttpObserver {
  return (request) => {
    const observers = [one(request), other(request)].filter((each) => each !== undefined);
    if (observers.length === 0) return undefined;
    return {
      onAttempt: (attempt) => bothTries(observers.map((each) => each.onAttempt?.(attempt))),
      onEnd: (end) => {
        for (const each of observers) each.onEnd?.(end);
      },
    } satisfies CallObserver;
  };
}

function bothTries(given: readonly (AttemptObserver | undefined)[]): AttemptObserver {
  const observers = given.filter((each) => each !== undefined);
  return {
    headers: Object.assign({}, ...observers.map(({ headers }) => headers)) as Record<string, string>,
    onEnd: (end) => {
      for (const each of observers) each.onEnd?.(end);
    },
  };
}
