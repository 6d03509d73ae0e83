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
 * The status is `metadata.instance_status`, where Spring keeps it, and the zone `metadata.zone`, where its load balancer
 * looks. The scheme `https` is an `sslPort`. What Spring doesn't know stands in the metadata as `rollcall.<field>`.
 * Entries of Curator without Spring's payload are read too, and those of Dubbo's applications, whose payload is of the same shape.
 */
export function springLayout(chroot: string, clock: Clock): Layout {
  return curatorLayout(chroot, clock, 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance');
}

/**
 * As Dubbo registers applications: as {@link springLayout}, but for the name of the payload's class. Java's readers take their own class
 * alone, and give up on a whole list for one entry of the other's.
 *
 * What Dubbo wants to know of an instance to call it (`dubbo.endpoints`, `dubbo.metadata.revision` and so on) is metadata, and the user's to give.
 */
export function dubboLayout(chroot: string, clock: Clock): Layout {
  return curatorLayout(chroot, clock, 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance');
}

function curatorLayout(chroot: string, clock: Clock, payloadClass: string): Layout {
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
          '@class': payloadClass,
          id: instance.id,
          name: instance.service,
          metadata: writeMetadata(instance),
        },
        registrationTimeUTC: clock.wallNow(),
        serviceType: 'DYNAMIC',
        uriSpec: URI_SPEC,
      }),
    // Java's readers want the payload's class as it was, and others may stand beside what is read here.
    revise(data, instance) {
      const { enabled, payload, ...entry } = parseJsonObject(data);
      if (!isObject(payload)) {
        const message = `${instance.service}/${instance.id} has no payload, where Spring and Dubbo keep status and weight: let its own process change it`;
        throw new RegistryError('UNSUPPORTED', message);
      }
      return JSON.stringify({
        ...entry,
        // Curator's switch holds before the status.
        ...(enabled !== undefined && { enabled: instance.status !== 'OUT_OF_SERVICE' }),
        payload: { ...payload, metadata: writeMetadata(instance) },
      });
    },
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
        host: withoutBrackets(address),
        port: sslPort === undefined ? port : (sslPort as number),
        ...(sslPort !== undefined && { scheme: 'https' }),
        ...readMetadata(entry['payload']),
        // Curator's own switch; where it is absent, the instance is on.
        ...(entry['enabled'] === false && { status: 'OUT_OF_SERVICE' }),
      });
    },
  };
}

/** Dubbo puts brackets around IPv6. */
function withoutBrackets(address: unknown): string {
  return typeof address === 'string' ? address.replace(/^\[(.*)\]$/u, '$1') : (address as string);
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
const ZONE = 'zone';
/** Where a user's own entries of these names stand: {@link fieldsFromMetadata} takes it off. */
const OWN_KEY = 'rollcall.metadata.';

const HOUSED = ['weight', 'version', 'tags', 'endpoints'] as const satisfies HousedField[];

function isSecure({ scheme }: ServiceInstance): boolean {
  return scheme === 'https';
}

function writeMetadata(instance: ServiceInstance): Record<string, string> {
  const metadata = housedMetadata(instance, isSecure(instance) ? HOUSED : [...HOUSED, 'scheme']);
  // `fromEntries` defines own properties, so a key named `__proto__` is data and nothing else.
  return Object.fromEntries([
    ...Object.entries(metadata).map(([key, text]) => [
      key === STATUS || key === ZONE ? OWN_KEY + key : key,
      text,
    ]),
    ...(instance.zone === undefined ? [] : [[ZONE, instance.zone]]),
    [STATUS, instance.status],
  ]);
}

function readMetadata(payload: unknown): Partial<InstanceSpec> {
  const raw = isObject(payload) ? (payload['metadata'] ?? undefined) : undefined;
  if (raw === undefined) return {};
  if (!isObject(raw)) throw new RegistryError('PROTOCOL', 'its metadata is not an object');
  const { [STATUS]: status, [ZONE]: zone, ...rest } = raw;
  return {
    ...fieldsFromMetadata(rest, [...HOUSED, 'scheme']),
    // An empty one is what configuration leaves behind where nothing was set.
    ...(typeof zone === 'string' && zone !== '' && { zone }),
    ...(typeof status === 'string' && { status: isInstanceStatus(status) ? status : 'UNKNOWN' }),
  };
}
