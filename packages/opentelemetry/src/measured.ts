import { type Attributes, type Meter, metrics } from '@opentelemetry/api';
import { systemClock } from '@rollcall/core';
import type { HttpObserver, HttpOptions, ObservedEnd } from '@rollcall/http';
import { boundedServices } from './bounded-services.ts';
import { ATTRIBUTES, DURATION_BUCKETS, errorType, methodName, SCOPE } from './conventions.ts';
import { observedBy } from './together.ts';

export interface MeasuredOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`: start the SDK before. */
  readonly meter?: Meter;
  /** So many services have their names in metrics; all others are `other`. A whole number from 0. Defaults to 200. */
  readonly maxServices?: number;
}

/**
 * Options of `createFetch` and `ServiceDispatcher` by which calls are counted and timed: calls, their tries, retries and hedges.
 * `docs/telemetry.md` has the table.
 *
 * ```ts
 * const fetch = createFetch(registry, measured(traced()));
 * ```
 *
 * @param options as without it. An observer that they have already stays.
 * @throws {RegistryError} `INVALID_ARGUMENT` for a bad `maxServices`.
 */
export function measured(options: HttpOptions = {}, measuredOptions: MeasuredOptions = {}): HttpOptions {
  const { meter = metrics.getMeter(SCOPE), maxServices } = measuredOptions;
  return observedBy(options, observer(meter, boundedServices(maxServices)));
}

function observer(meter: Meter, services: ReturnType<typeof boundedServices>): HttpObserver {
  const calls = meter.createHistogram('rollcall.call.duration', {
    unit: 's',
    description: 'How long calls took, with all their tries, until the answer was read.',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  const tries = meter.createHistogram('http.client.request.duration', {
    unit: 's',
    description: 'How long each try took, until the answer was read.',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  const attempts = meter.createCounter('rollcall.call.attempts', {
    unit: '{attempt}',
    description: 'Instances that were picked and called: first tries, retries and hedges.',
  });
  return ({ service, method, origin }) => {
    const startedAt = systemClock.now();
    const labels = services({ service });
    const { port, protocol } = new URL(origin);
    const request = {
      [ATTRIBUTES.method]: methodName(method),
      [ATTRIBUTES.serverAddress]: labels[ATTRIBUTES.service],
      [ATTRIBUTES.serverPort]: Number(port) || (protocol === 'https:' ? 443 : 80),
    };
    return {
      onAttempt: ({ kind }) => {
        const sentAt = systemClock.now();
        attempts.add(1, { ...labels, [ATTRIBUTES.attemptKind]: kind });
        return {
          onEnd: (end) => {
            // How long it would have taken, nobody knows.
            if (!end.isCancelled) tries.record(secondsSince(sentAt), { ...request, ...outcomeOf(end) });
          },
        };
      },
      onEnd: (end) => calls.record(secondsSince(startedAt), { ...labels, ...outcomeOf(end) }),
    };
  };
}

function outcomeOf({ status, error }: ObservedEnd): Attributes {
  const failure = error
    ? errorType(error)
    : status !== undefined && status >= 400
      ? String(status)
      : undefined;
  return {
    ...(status !== undefined && { [ATTRIBUTES.status]: status }),
    ...(failure !== undefined && { [ATTRIBUTES.errorType]: failure }),
  };
}

function secondsSince(startedAt: number): number {
  return (systemClock.now() - startedAt) / 1_000;
}
