import { RegistryError } from './errors.ts';
import {
  defineInstance,
  isInstanceStatus,
  type InstanceKey,
  type InstanceSpec,
  type ServiceInstance,
} from './instance.ts';
import type { Mutable } from './mutable.ts';

/**
 * Writes an instance as Rollcall's own layout: one flat JSON object, without what the key already says (namespace,
 * service, id) and without what is at its default (`status` `UP`, `weight` 1).
 *
 * ```json
 * {"host":"10.0.0.7","port":8080,"weight":5,"zone":"eu-1a","tags":["canary"]}
 * ```
 */
export function encodeInstance(instance: ServiceInstance): string {
  const { namespace: _namespace, service: _service, id: _id, status, weight, ...rest } = instance;
  return JSON.stringify({
    ...rest,
    ...(status !== 'UP' && { status }),
    ...(weight !== 1 && { weight }),
  });
}

/**
 * Reads what {@link encodeInstance} wrote. Unknown fields are passed over, so that a later version may add some;
 * a status that is not known reads as `UNKNOWN`.
 *
 * @throws {RegistryError} `PROTOCOL` when the text isn't an instance. An adapter reports such an entry as skipped.
 */
export function decodeInstance(text: string, key: InstanceKey): ServiceInstance {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new RegistryError('PROTOCOL', 'is not JSON', { cause: error });
  }
  return instanceFromJson(raw, key);
}

/**
 * As {@link decodeInstance}, for JSON that is parsed already.
 *
 * @throws {RegistryError} `PROTOCOL` when it isn't an instance.
 */
export function instanceFromJson(raw: unknown, key: InstanceKey): ServiceInstance {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new RegistryError('PROTOCOL', 'is not a JSON object');
  // Each field is checked by `defineInstance`, which takes `undefined` for absent; the assertions only say that the
  // names may be there.
  const { host, port, status, weight, scheme, version, zone, tags, metadata, endpoints } =
    raw as InstanceSpec;
  return instanceFromWire({
    namespace: key.namespace,
    service: key.service,
    id: key.id,
    host,
    port,
    status: status === undefined || isInstanceStatus(status) ? status : 'UNKNOWN',
    weight,
    scheme,
    version,
    zone,
    tags,
    metadata,
    endpoints,
  } as InstanceSpec);
}

/**
 * {@link defineInstance} for an entry that was read: what is wrong is the entry's fault, not the caller's.
 *
 * @throws {RegistryError} `PROTOCOL`, to be reported as a skipped entry.
 */
export function instanceFromWire(spec: InstanceSpec): ServiceInstance {
  try {
    return defineInstance(spec);
  } catch (error) {
    throw new RegistryError('PROTOCOL', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/**
 * Reads what {@link encodeInstance} wrote, where a checksum vouches that it is that to the letter: it was checked
 * when it was made, and isn't checked again. Several times as fast as {@link instanceFromJson}.
 */
export function restoreInstance(fields: Partial<ServiceInstance>, key: InstanceKey): ServiceInstance {
  const { host, port, status = 'UP', weight = 1, scheme, version, zone, tags, metadata, endpoints } = fields;
  const { namespace, service, id } = key;
  const instance = { namespace, service, id, host, port, status, weight } as Mutable<ServiceInstance>;
  if (scheme !== undefined) instance.scheme = scheme;
  if (version !== undefined) instance.version = version;
  if (zone !== undefined) instance.zone = zone;
  if (tags !== undefined) instance.tags = Object.freeze(tags);
  if (metadata !== undefined) instance.metadata = Object.freeze(metadata);
  if (endpoints !== undefined) instance.endpoints = Object.freeze(endpoints);
  return Object.freeze(instance);
}
