import { CARRIED_FIELDS, instanceFromWire, RegistryError, type ServiceInstance } from '@rollcall/core';
import {
  fieldsFromMetadata,
  formatAddress,
  type HousedField,
  housedMetadata,
  isObject,
  parseAddress,
  parseJsonObject,
} from '@rollcall/core/dialects';
import type { Layout } from './layout.ts';
import { slashedKey } from './slashed-key.ts';

/**
 * As Kitex' etcd registry: `kitex/registry-etcd/{service}/{host:port}` →
 * `{"network":"tcp","address":"10.0.0.7:8888","weight":10,"tags":{}}` (https://github.com/kitex-contrib/registry-etcd).
 *
 * Kitex' tags are a map of strings, as metadata is here; what has no other place stands in it as `rollcall.<field>`, and so does a
 * weight that isn't a tenth of a whole number.
 */
export function kitexLayout(prefix: string): Layout {
  return {
    ...slashedKey(`${prefix}/`),
    fields: CARRIED_FIELDS,
    encode(instance) {
      const weight = wireWeight(instance);
      const isTold = weight / UNIT === instance.weight;
      return JSON.stringify({
        network: 'tcp',
        address: formatAddress(instance),
        weight,
        tags: {
          ...housedMetadata(instance, HOUSED),
          // Where it is 1, `housedMetadata` takes it for the default.
          ...(!isTold && { 'rollcall.weight': String(instance.weight) }),
        },
      });
    },
    decode(value, key) {
      const { network, address, weight, tags } = parseJsonObject(value);
      if (network !== undefined && network !== 'tcp')
        throw new RegistryError('PROTOCOL', 'its network is not tcp');
      if (typeof address !== 'string') throw new RegistryError('PROTOCOL', 'it has no address');
      if (tags !== undefined && tags !== null && !isObject(tags))
        throw new RegistryError('PROTOCOL', 'its tags are not an object');
      return instanceFromWire({
        ...key,
        ...parseAddress(bracketed(address)),
        // Kitex takes what isn't positive for its default.
        ...(typeof weight === 'number' && weight > 0 && { weight: weight / UNIT }),
        ...fieldsFromMetadata(tags ?? {}, [...HOUSED, 'weight']),
      });
    },
  };
}

/** The weight that Kitex gives an instance by itself (`discovery.DefaultWeight`). */
const UNIT = 10;

const HOUSED = ['scheme', 'status', 'version', 'zone', 'tags', 'endpoints'] as const satisfies HousedField[];

/** Kitex writes IPv6 without brackets: `2001:db8::7:8888`. There is always a port, so what is before the last colon is the host. */
function bracketed(address: string): string {
  return address.replace(/^([^[\]]*:[^[\]]*):(\d+)$/u, '[$1]:$2');
}

/** Kitex reads whole numbers, and takes 0 for its default. */
function wireWeight({ weight }: ServiceInstance): number {
  return Math.max(1, Math.round(weight * UNIT));
}
