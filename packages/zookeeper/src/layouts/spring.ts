import {
  CARRIED_FIELDS,
  type Clock,
  type InstanceSpec,
  instanceFromWire,
  isInstanceStatus,
  RegistryError,
  type ServiceInstance,
} from '@rollcall/core';
import {
  fieldsFromMetadata,
  type HousedField,
  housedMetadata,
  isObject,
  parseJsonObject,
} from '@rollcall/core/dialects';
import type { Layout } from './layout.ts';
import { plainPath } from './plain-path.ts';

/**
 * As Spring Cloud ZooKeeper writes, by Curator's service discovery: `/services/{name}/{id}` →
 * `{"name","id","address","port","sslPort","payload":{"@class","id","name","metadata":{}},"registrationTimeUTC",…}`
 * (https://github.com/apache/curator/blob/master/curator-x-discovery/src/main/java/org/apache/curator/x/discovery/ServiceInstance.java).
 *
 * The status is `metadata.instance_status`, where Spring keeps it. The scheme `https` is an `sslPort`. What Spring
 * doesn't know stands in the metadata as `rollcall.<field>`. Entries of Curator without Spring's payload are read too.
 */
export function springLayout(chroot: string, clock: Clock): Layout {
  return {
    ...plainPath(chroot),
    fields: CARRIED_FIELDS,
    encode: (instance) =>
      JSON.stringify({
        name: instance.service,
        id: instance.id,
        address: instance.host,
        port: instance.port,
        sslPort: isSecure(instance) ? instance.port : null,
        payload: {
          '@class': 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance',
          id: instance.id,
          name: instance.service,
          metadata: writeMetadata(instance),
        },
        registrationTimeUTC: clock.wallNow(),
        serviceType: 'DYNAMIC',
        uriSpec: URI_SPEC,
      }),
    decode(data, key) {
      const entry = parseJsonObject(data);
      if (entry['name'] !== key.service)
        throw new RegistryError('PROTOCOL', 'its name is not the one in its path');
      if (entry['id'] !== key.id) throw new RegistryError('PROTOCOL', 'its id is not the one in its path');
      const sslPort = entry['sslPort'] ?? undefined;
      // What is wrong with host or port, `instanceFromWire` says.
      const { address, port } = entry as { address: string; port: number };
      return instanceFromWire({
        ...key,
        host: address,
        port: sslPort === undefined ? port : (sslPort as number),
        ...(sslPort !== undefined && { scheme: 'https' }),
        ...readMetadata(entry['payload']),
        // Curator's own switch; where it is absent, the instance is on.
        ...(entry['enabled'] === false && { status: 'OUT_OF_SERVICE' }),
      });
    },
  };
}

/** How Curator makes a URL of an instance; Spring reads it. */
const URI_SPEC = {
  parts: [
    { value: 'scheme', variable: true },
    { value: '://', variable: false },
    { value: 'address', variable: true },
    { value: ':', variable: false },
    { value: 'port', variable: true },
  ],
} as const;

const STATUS = 'instance_status';
/** Where a user's own entry of that name stands: {@link fieldsFromMetadata} takes the first two words off. */
const OWN_STATUS = `rollcall.metadata.${STATUS}`;

const HOUSED = ['weight', 'version', 'zone', 'tags', 'endpoints'] as const satisfies HousedField[];

function isSecure({ scheme }: ServiceInstance): boolean {
  return scheme === 'https';
}

function writeMetadata(instance: ServiceInstance): Record<string, string> {
  const metadata = housedMetadata(instance, isSecure(instance) ? HOUSED : [...HOUSED, 'scheme']);
  const { [STATUS]: own, ...rest } = metadata;
  return {
    ...rest,
    ...(own !== undefined && Object.hasOwn(metadata, STATUS) && { [OWN_STATUS]: own }),
    [STATUS]: instance.status,
  };
}

function readMetadata(payload: unknown): Partial<InstanceSpec> {
  const raw = isObject(payload) ? (payload['metadata'] ?? undefined) : undefined;
  if (raw === undefined) return {};
  if (!isObject(raw)) throw new RegistryError('PROTOCOL', 'its metadata is not an object');
  const { [STATUS]: status, ...rest } = raw;
  const spec = fieldsFromMetadata(rest, [...HOUSED, 'scheme']);
  if (typeof status !== 'string') return spec;
  return { ...spec, status: isInstanceStatus(status) ? status : 'UNKNOWN' };
}
