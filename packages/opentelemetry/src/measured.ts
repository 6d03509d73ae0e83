import { type Attributes, type Meter, metrics } from '@opentelemetry/api';
import { systemClock } from '@rollcall/core';
import type { AttemptStart, HttpObserver, HttpOptions, ObservedEnd } from '@rollcall/http';
import { boundedServices } from './bounded-services.ts';
import { ATTRIBUTES, DURATION_BUCKETS, errorType, methodName, portOf, SCOPE } from './conventions.ts';
import { type Sum, tally } from './tally.ts';
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
  const attempts = tally(meter, 'rollcall.call.attempts', {
    unit: '{attempt}',
    description: 'Instances that were picked and called: first tries, retries and hedges.',
  });
  const attemptsOf = new Map<string, Record<AttemptStart['kind'], Sum>>();
  /** As many as there are names in `services`. */
  const countsOf = (name: string) => {
    const known = attemptsOf.get(name);
    if (known) return known;
    const sum = (kind: AttemptStart['kind']) =>
      attempts.of({ [ATTRIBUTES.service]: name, [ATTRIBUTES.attemptKind]: kind });
    const counts = { first: sum('first'), retry: sum('retry'), hedge: sum('hedge') };
    attemptsOf.set(name, counts);
    return counts;
  };
  return ({ service, method, origin }) => {
    const startedAt = systemClock.now();
    const name = services({ service })[ATTRIBUTES.service] as string;
    return {
      onAttempt: ({ kind }) => {
        const sentAt = systemClock.now();
        countsOf(name)[kind].count++;
        return {
          onEnd: (end) => {
            // How long it would have taken, nobody knows.
            if (end.isCancelled) return;
            const labels = {
              [ATTRIBUTES.method]: methodName(method),
              [ATTRIBUTES.serverAddress]: name,
              [ATTRIBUTES.serverPort]: portOf(origin),
            };
            tries.record(secondsSince(sentAt), withOutcome(labels, end));
          },
        };
      },
      onEnd: (end) => calls.record(secondsSince(startedAt), withOutcome({ [ATTRIBUTES.service]: name }, end)),
    };
  };
}

/** Labels, and how it ended beside them. */
function withOutcome(labels: Attributes, { status, error }: ObservedEnd): Attributes {
  if (status !== undefined) labels[ATTRIBUTES.status] = status;
  if (error) labels[ATTRIBUTES.errorType] = errorType(error);
  else if (status !== undefined && status >= 400) labels[ATTRIBUTES.errorType] = String(status);
  return labels;
}

function secondsSince(startedAt: number): number {
  return (systemClock.now() - startedAt) / 1_000;
}
