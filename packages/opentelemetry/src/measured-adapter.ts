import { type Meter, metrics } from '@opentelemetry/api';
import { type AdapterDefinition, type RegistryAdapter, systemClock } from '@rollcall/core';
import { ATTRIBUTES, DURATION_BUCKETS, errorType, SCOPE } from './conventions.ts';
import { surrounded } from './surrounded-adapter.ts';

export interface MeasuredAdapterOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`: start the SDK before. */
  readonly meter?: Meter;
}

/**
 * The same adapter, with each call to the registry counted and timed, in `rollcall.registry.request.duration`. Its labels are the operation
 * and the type of the registry.
 *
 * @param adapter an adapter, or the definition of one, whose options then come from the configuration.
 */
export function measuredAdapter(adapter: RegistryAdapter, options?: MeasuredAdapterOptions): RegistryAdapter;
export function measuredAdapter<Options>(
  adapter: AdapterDefinition<Options>,
  options?: MeasuredAdapterOptions,
): AdapterDefinition<Options>;
export function measuredAdapter(
  adapter: RegistryAdapter | AdapterDefinition,
  { meter = metrics.getMeter(SCOPE) }: MeasuredAdapterOptions = {},
): RegistryAdapter | AdapterDefinition {
  const durations = meter.createHistogram('rollcall.registry.request.duration', {
    unit: 's',
    description: 'How long calls to the registry took.',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS },
  });
  return surrounded(adapter, async (type, operation, _target, run) => {
    const startedAt = systemClock.now();
    const labels = { [ATTRIBUTES.registryType]: type, [ATTRIBUTES.operation]: operation };
    const record = (failure?: string) => {
      const seconds = (systemClock.now() - startedAt) / 1_000;
      durations.record(seconds, {
        ...labels,
        ...(failure !== undefined && { [ATTRIBUTES.errorType]: failure }),
      });
    };
    try {
      const answer = await run();
      record();
      return answer;
    } catch (error) {
      record(errorType(error));
      throw error;
    }
  });
}
