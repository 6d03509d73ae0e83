import { type Attributes, type Meter, metrics } from '@opentelemetry/api';
import { systemClock } from '@rollcall/core';
import type {
  AttemptObserver,
  AttemptStart,
  CallObserver,
  HttpObserver,
  HttpOptions,
  ObservedEnd,
  ObservedRequest,
} from '@rollcall/http';
import { boundedServices } from './bounded-services.ts';
import { ATTRIBUTES, errorType, methodName, portOf, SCOPE } from './conventions.ts';
import { Durations } from './durations.ts';
import { type Sum, type Tally, tally } from './tally.ts';
import { observedBy } from './together.ts';
import { isUnmeasured } from './without-sdk.ts';

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
  const services = boundedServices(maxServices);
  return isUnmeasured(meter) ? options : observedBy(options, observer(meter, services));
}

function observer(meter: Meter, services: ReturnType<typeof boundedServices>): HttpObserver {
  const attempts = tally(meter, 'rollcall.call.attempts', {
    unit: '{attempt}',
    description: 'Instances that were picked and called: first tries, retries and hedges.',
  });
  const durations = (name: string, description: string) =>
    new Durations(meter, name, { description }, attempts);
  const instruments: Instruments = {
    calls: durations(
      'rollcall.call.duration',
      'How long calls took, with all their tries, until the answer was read.',
    ),
    tries: durations('http.client.request.duration', 'How long each try took, until the answer was read.'),
    attempts,
  };
  /** As many as there are names in `services`. */
  const known = new Map<string, MeasuredService>();
  return (request) => {
    const name = services({ service: request.service })[ATTRIBUTES.service] as string;
    let service = known.get(name);
    if (!service) known.set(name, (service = new MeasuredService(name, instruments)));
    return new MeasuredCall(service, request);
  };
}

interface Instruments {
  readonly calls: Durations;
  readonly tries: Durations;
  readonly attempts: Tally;
}

/** What the calls to one service have in common. */
class MeasuredService {
  readonly #name: string;
  readonly #instruments: Instruments;
  readonly #counts: Record<AttemptStart['kind'], Sum>;
  // Calls are mostly as the one before: its labels are given again, which the SDK reads more quickly than new ones.
  #lastEnd: number | undefined;
  #callLabels: Attributes = {};
  #lastTry:
    | { readonly method: string; readonly origin: string; readonly status: number | undefined }
    | undefined;
  #tryLabels: Attributes = {};

  constructor(name: string, instruments: Instruments) {
    this.#name = name;
    this.#instruments = instruments;
    const sum = (kind: AttemptStart['kind']) =>
      instruments.attempts.of({ [ATTRIBUTES.service]: name, [ATTRIBUTES.attemptKind]: kind });
    this.#counts = { first: sum('first'), retry: sum('retry'), hedge: sum('hedge') };
  }

  count(kind: AttemptStart['kind']): void {
    this.#counts[kind].count++;
  }

  callEnded(startedAt: number, end: ObservedEnd): void {
    const { status, error } = end;
    if (error || status === undefined || status !== this.#lastEnd) {
      this.#callLabels = withOutcome({ [ATTRIBUTES.service]: this.#name }, end);
      this.#lastEnd = error ? undefined : status;
    }
    this.#instruments.calls.record(secondsSince(startedAt), this.#callLabels);
  }

  tryEnded(sentAt: number, { method, origin }: ObservedRequest, end: ObservedEnd): void {
    const { status, error } = end;
    const last = this.#lastTry;
    if (!last || error || last.status !== status || last.method !== method || last.origin !== origin) {
      this.#tryLabels = withOutcome(
        {
          [ATTRIBUTES.method]: methodName(method),
          [ATTRIBUTES.serverAddress]: this.#name,
          [ATTRIBUTES.serverPort]: portOf(origin),
        },
        end,
      );
      this.#lastTry = error ? undefined : { method, origin, status };
    }
    this.#instruments.tries.record(secondsSince(sentAt), this.#tryLabels);
  }
}

class MeasuredCall implements CallObserver {
  readonly #service: MeasuredService;
  readonly #request: ObservedRequest;
  readonly #startedAt = systemClock.now();

  constructor(service: MeasuredService, request: ObservedRequest) {
    this.#service = service;
    this.#request = request;
  }

  onAttempt({ kind }: AttemptStart): AttemptObserver {
    this.#service.count(kind);
    return new MeasuredTry(this.#service, this.#request);
  }

  onEnd(end: ObservedEnd): void {
    this.#service.callEnded(this.#startedAt, end);
  }
}

class MeasuredTry implements AttemptObserver {
  readonly #service: MeasuredService;
  readonly #request: ObservedRequest;
  readonly #sentAt = systemClock.now();

  constructor(service: MeasuredService, request: ObservedRequest) {
    this.#service = service;
    this.#request = request;
  }

  onEnd(end: ObservedEnd): void {
    // How long it would have taken, nobody knows.
    if (!end.isCancelled) this.#service.tryEnded(this.#sentAt, this.#request, end);
  }
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
