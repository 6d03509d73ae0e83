import {
  type Attributes,
  type BatchObservableResult,
  type Meter,
  metrics,
  type Observable,
} from '@opentelemetry/api';
import type { Balancer } from '@rollcall/balancer';
import { identityOf, type Registry, type RegistryEvent, type ServiceKey } from '@rollcall/core';
import { boundedServices } from './bounded-services.ts';
import { ATTRIBUTES, SCOPE } from './conventions.ts';
import { series, sum, totals } from './series.ts';

export interface InstrumentOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`: start the SDK before. */
  readonly meter?: Meter;
  /** So many services have their names in metrics; all others are `other`. A whole number from 0. Defaults to 200. */
  readonly maxServices?: number;
  /**
   * The balancer that picks among the instances of a service, such as
   * `({ service }) => fetch.dispatcher.balancerOf(service)`. Left out: nothing is told of picks and ejections.
   */
  readonly balancerOf?: (
    key: ServiceKey,
  ) => Pick<Balancer, 'report' | 'isPanic' | 'picks' | 'ejections'> | undefined;
}

/**
 * Tells OpenTelemetry what a registry does: what it follows, what it lists, and what goes wrong. `docs/telemetry.md` has the table.
 *
 * It looks when the SDK collects, and counts as events come; it has no timer, and keeps no list alive.
 *
 * @returns the function that ends it. The SDK goes on telling the last values of gauges.
 * @throws {RegistryError} `INVALID_ARGUMENT` for a bad `maxServices`.
 */
export function instrument(registry: Registry, options: InstrumentOptions = {}): () => void {
  const { meter = metrics.getMeter(SCOPE), maxServices, balancerOf } = options;
  const services = boundedServices(maxServices);
  const type = { [ATTRIBUTES.registryType]: registry.type };
  const labelsOf = (key: ServiceKey): Attributes => ({ ...services(key), ...type });
  const ended = [
    registry.on(counting(meter, labelsOf, type)),
    lists(registry, meter, labelsOf),
    registrations(registry, meter, labelsOf),
    ...(balancerOf ? [balancers(registry, meter, labelsOf, balancerOf)] : []),
  ];
  return () => {
    for (const end of ended) end();
  };
}

type LabelsOf = (key: ServiceKey) => Attributes;

/** Counts what events tell. */
function counting(meter: Meter, labelsOf: LabelsOf, type: Attributes): (event: RegistryEvent) => void {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { unit, description });
  const resyncs = counter(
    'rollcall.list.resyncs',
    '{resync}',
    'Lists that were read anew: their watch had lost something.',
  );
  const outages = counter('rollcall.list.outages', '{outage}', 'Lists that ceased to follow the registry.');
  const holds = counter(
    'rollcall.list.holds',
    '{hold}',
    'Lists that shrank so sharply that they were doubted.',
  );
  const losses = counter(
    'rollcall.registration.losses',
    '{registration}',
    'Registrations that the registry no longer had.',
  );
  const restorations = counter(
    'rollcall.registration.restorations',
    '{registration}',
    'Registrations that were lost and are listed again.',
  );
  const failures = counter(
    'rollcall.registration.failures',
    '{attempt}',
    'Attempts to register or deregister that failed.',
  );
  const beats = counter('rollcall.registration.beat_failures', '{beat}', 'Beats of leases that failed.');
  /** Those that are lost now. */
  const lost = new Set<string>();
  return (event) => {
    switch (event.type) {
      case 'resync':
        return resyncs.add(1, labelsOf(event.service));
      case 'list-stale':
        return outages.add(1, { ...labelsOf(event.service), [ATTRIBUTES.errorType]: event.error.code });
      case 'list-held':
        return holds.add(1, labelsOf(event.service));
      case 'registration-retry':
        return failures.add(1, { ...labelsOf(event.instance), [ATTRIBUTES.errorType]: event.error.code });
      case 'beat-failed':
        return beats.add(1, { ...type, [ATTRIBUTES.errorType]: event.error.code });
      case 'registration': {
        const identity = identityOf(event.instance);
        if (event.to === 'lost') {
          lost.add(identity);
          losses.add(1, labelsOf(event.instance));
        } else if (event.to === 'draining' || event.to === 'released') lost.delete(identity);
        else if (event.to === 'registered' && lost.delete(identity))
          restorations.add(1, labelsOf(event.instance));
        return undefined;
      }
      // These are of the log alone.
      case 'list-live':
      case 'list-expired':
      case 'list-released':
      case 'entry-skipped':
      case 'disk':
      case 'override':
      case 'advertise':
      case 'shutdown':
      case 'subscriber-failed':
      case 'warning':
        return undefined;
      default:
        return event satisfies never;
    }
  };
}

/** Looks at the lists that are followed. */
function lists(registry: Registry, meter: Meter, labelsOf: LabelsOf): () => void {
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(name, { unit, description });
  const instruments = [
    gauge('rollcall.instances', '{instance}', 'Instances in the list of a service, by status.'),
    gauge('rollcall.lists', '{list}', 'Lists by how they follow the registry: live, stale or connecting.'),
    gauge('rollcall.list.age', 's', 'How long ago the registry last confirmed the list of a service.'),
    meter.createObservableCounter('rollcall.lookups', {
      unit: '{lookup}',
      description: 'How often the list of a service was asked for in this process.',
    }),
  ] as const;
  const instances = series(instruments[0], sum);
  const byStatus = series(instruments[1], sum);
  const age = series(instruments[2], Math.max);
  const asked = totals(instruments[3]);
  return looking(meter, instruments, (result) => {
    for (const { key, status, snapshot, lookups } of registry.followed) {
      const labels = labelsOf(key);
      asked.add(key, labels, lookups);
      byStatus.add({ ...labels, [ATTRIBUTES.listStatus]: status }, 1);
      // Nothing known is not the same as nobody there.
      if (!snapshot) continue;
      age.add(labels, snapshot.ageMs / 1_000);
      // Said also when it is none: an alarm waits for that.
      instances.add({ ...labels, [ATTRIBUTES.instanceStatus]: 'UP' }, 0);
      for (const instance of snapshot.instances)
        instances.add({ ...labels, [ATTRIBUTES.instanceStatus]: instance.status }, 1);
    }
    for (const each of [instances, byStatus, age, asked]) each.tell(result);
  });
}

/** Looks at what this process lists. */
function registrations(registry: Registry, meter: Meter, labelsOf: LabelsOf): () => void {
  const gauge = meter.createObservableGauge('rollcall.registrations', {
    unit: '{registration}',
    description: 'What this process wants listed, by state.',
  });
  const byState = series(gauge, sum);
  return looking(meter, [gauge], (result) => {
    for (const { instance, state } of registry.registrations) {
      const labels = labelsOf(instance);
      // Said also when it is none: an alarm waits for that.
      byState.add({ ...labels, [ATTRIBUTES.registrationState]: 'registered' }, 0);
      byState.add({ ...labels, [ATTRIBUTES.registrationState]: state }, 1);
    }
    byState.tell(result);
  });
}

/** Looks at what balancers make of the instances. */
function balancers(
  registry: Registry,
  meter: Meter,
  labelsOf: LabelsOf,
  balancerOf: NonNullable<InstrumentOptions['balancerOf']>,
): () => void {
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(name, { unit, description });
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(name, { unit, description });
  const instruments = [
    gauge(
      'rollcall.balancer.ejected',
      '{instance}',
      'Instances that get no calls for a while, as they are bad.',
    ),
    gauge('rollcall.balancer.running', '{call}', 'Calls under way, to all instances of a service.'),
    gauge('rollcall.balancer.panic', '1', '1 while so many are ejected that all get calls, else 0.'),
    counter('rollcall.balancer.picks', '{pick}', 'Instances that were asked for, for a call.'),
    counter(
      'rollcall.balancer.ejections',
      '{ejection}',
      'Times that calls have shown an instance to be bad.',
    ),
  ] as const;
  const ejected = series(instruments[0], sum);
  const running = series(instruments[1], sum);
  const panic = series(instruments[2], Math.max);
  const picks = totals(instruments[3]);
  const ejections = totals(instruments[4]);
  return looking(meter, instruments, (result) => {
    for (const { key } of registry.followed) {
      const balancer = balancerOf(key);
      if (!balancer) continue;
      const labels = labelsOf(key);
      panic.add(labels, balancer.isPanic ? 1 : 0);
      picks.add(balancer, labels, balancer.picks);
      ejections.add(balancer, labels, balancer.ejections);
      ejected.add(labels, 0);
      running.add(labels, 0);
      for (const each of balancer.report) {
        running.add(labels, each.running);
        if (each.ejectedForMs > 0) ejected.add(labels, 1);
      }
    }
    for (const each of [ejected, running, panic, picks, ejections]) each.tell(result);
  });
}

/** Has `look` called whenever metrics are collected, until the function is called that it gives. */
function looking(
  meter: Meter,
  instruments: readonly Observable[],
  look: (result: BatchObservableResult) => void,
): () => void {
  const observed = [...instruments];
  meter.addBatchObservableCallback(look, observed);
  return () => meter.removeBatchObservableCallback(look, observed);
}
