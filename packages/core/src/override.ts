import type { InstanceOverride } from './adapter.ts';
import { RegistryError } from './errors.ts';
import {
  defineInstance,
  type InstanceKey,
  isInstanceStatus,
  MAX_WEIGHT,
  type ServiceInstance,
} from './instance.ts';

/**
 * The instance as an operator changed it: what the change leaves out stays as it is.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` for a status or weight that no instance has.
 */
export function overridden(
  instance: ServiceInstance,
  { status = instance.status, weight = instance.weight }: InstanceOverride,
): ServiceInstance {
  return defineInstance({ ...instance, status, weight });
}

/** An override that was read where anybody may have written it: what can't be one changes nothing. */
export function overrideFromWire(raw: Readonly<Record<string, unknown>>): InstanceOverride {
  const { status, weight } = raw;
  const isWeight = typeof weight === 'number' && weight >= 0 && weight <= MAX_WEIGHT;
  return { ...(isInstanceStatus(status) && { status }), ...(isWeight && { weight }) };
}

/** What `override` rejects with where the instance isn't listed: nothing may be created then. */
export function notListed({ namespace, service, id }: InstanceKey, cause?: unknown): RegistryError {
  const message = `${service}/${id} is not listed in the namespace ${namespace}, so there is nothing to override: look for its id in the list`;
  return new RegistryError('INVALID_ARGUMENT', message, { field: 'id', cause });
}

/** What `override` rejects with where others wrote the entry each time between its reading and its writing. */
export function contested({ service, id }: InstanceKey): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `override ${service}/${id}: it was written by others each time meanwhile: try again`,
  );
}

/** How often `override` reads and writes an entry that others write at the same time, before it is {@link contested}. */
export const OVERRIDE_TRIES = 5;
