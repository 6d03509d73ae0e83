import {
  instanceFromWire,
  type InstanceKey,
  type InstanceSpec,
  type InstanceStatus,
  isInstanceStatus,
  RegistryError,
  type ServiceInstance,
} from '@rollcall/core';
import { fieldsFromMetadata, type HousedField, housedMetadata, isObject } from '@rollcall/core/dialects';

/**
 * What is sent of an instance, as `com.netflix.appinfo.InstanceInfo` has it in JSON
 * (https://github.com/Netflix/eureka/wiki/Eureka-REST-operations).
 */
export interface InstanceInfo {
  readonly instanceId: string;
  readonly app: string;
  readonly hostName: string;
  readonly ipAddr: string;
  readonly vipAddress: string;
  readonly secureVipAddress: string;
  readonly status: WrittenStatus;
  readonly port: Port;
  readonly securePort: Port;
  readonly countryId: 1;
  readonly dataCenterInfo: typeof OWN_DATA_CENTER;
  readonly metadata: Readonly<Record<string, string>>;
}

/** `UNKNOWN` is never written: Eureka takes it for a removed override, and refuses every beat of such an instance. */
export type WrittenStatus = Exclude<InstanceStatus, 'UNKNOWN'>;

interface Port {
  readonly $: number;
  readonly '@enabled': 'true' | 'false';
}

export interface Place {
  readonly app: string;
  readonly instanceId: string;
  /** The name that Spring Cloud looks services up by. */
  readonly vipAddress: string;
}

/** Everything but the metadata. The scheme `https` is a secure port. */
export function writeInfo(
  instance: ServiceInstance,
  { app, instanceId, vipAddress }: Place,
  metadata: Readonly<Record<string, string>>,
): InstanceInfo {
  const { host, port, status } = instance;
  const isUnknown = status === 'UNKNOWN';
  const secure = isSecure(instance);
  return {
    instanceId,
    app,
    hostName: host,
    ipAddr: host,
    vipAddress,
    secureVipAddress: vipAddress,
    status: isUnknown ? 'DOWN' : status,
    port: { $: port, '@enabled': secure ? 'false' : 'true' },
    securePort: { $: port, '@enabled': secure ? 'true' : 'false' },
    countryId: 1,
    dataCenterInfo: OWN_DATA_CENTER,
    metadata: isUnknown ? { ...metadata, [MEANT_STATUS]: 'UNKNOWN' } : metadata,
  };
}

/** The same, written with another status; Rollcall's readers see the one that is meant. */
export function passingAs(info: InstanceInfo, status: WrittenStatus): InstanceInfo {
  return { ...info, status, metadata: { [MEANT_STATUS]: info.status, ...info.metadata } };
}

/**
 * The metadata of an instance with the fields that have no other place: `zone` where Spring Cloud has it, the others as
 * `rollcall.<field>`.
 */
export function writeMetadata(instance: ServiceInstance): Record<string, string> {
  const housed = housedMetadata(instance, isSecure(instance) ? HOUSED : [...HOUSED, 'scheme']);
  const metadata = keepApart(housed, RESERVED);
  return instance.zone === undefined ? metadata : { ...metadata, [ZONE]: instance.zone };
}

/** What {@link writeInfo} and {@link writeMetadata} wrote, or another client of Eureka. @throws {RegistryError} `PROTOCOL` */
export function readInfo(info: unknown, key: InstanceKey): ServiceInstance {
  const entry = infoObject(info);
  const { [ZONE]: zone, ...rest } = metadataOf(entry);
  const { status, ...fields } = fieldsFromMetadata(rest, [...HOUSED, 'scheme', 'status']);
  return instanceFromWire({
    ...key,
    ...readAddress(entry),
    // An empty one is what configuration leaves behind where nothing was set.
    ...(typeof zone === 'string' && zone !== '' && { zone }),
    ...fields,
    status: statusOf(entry, status),
  });
}

/** What the entry says, unless it only passes as that; an operator's override holds before both. */
export function statusOf(
  entry: Readonly<Record<string, unknown>>,
  meant: InstanceStatus | undefined,
): InstanceStatus {
  if (meant !== undefined && overrideOf(entry) === undefined) return meant;
  const { status } = entry;
  return isInstanceStatus(status) ? status : 'UNKNOWN';
}

/** The status that an operator put over the instance's own. Eureka says `UNKNOWN` for none. */
export function overrideOf(entry: Readonly<Record<string, unknown>>): InstanceStatus | undefined {
  const override = entry['overriddenStatus'] ?? entry['overriddenstatus'];
  return isInstanceStatus(override) && override !== 'UNKNOWN' ? override : undefined;
}

/** @throws {RegistryError} `PROTOCOL` */
export function infoObject(info: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(info)) throw new RegistryError('PROTOCOL', 'is not a JSON object');
  return info;
}

/** @throws {RegistryError} `PROTOCOL` */
export function metadataOf(entry: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const raw = entry['metadata'] ?? {};
  if (!isObject(raw)) throw new RegistryError('PROTOCOL', 'its metadata is not an object');
  // Eureka's own: it stands for an empty map.
  const { [CLASS]: _class, ...metadata } = raw;
  return metadata;
}

/** Puts a user's own keys of these names where {@link fieldsFromMetadata} finds them again. */
export function keepApart(
  metadata: Readonly<Record<string, string>>,
  reserved: readonly string[],
): Record<string, string> {
  // `fromEntries` defines own properties, so a key named `__proto__` is data and nothing else.
  return Object.fromEntries(
    Object.entries(metadata).map(([key, text]) => [reserved.includes(key) ? OWN_KEY + key : key, text]),
  );
}

const ZONE = 'zone';
/** Eureka's JSON reader drops an entry of this name, and its writer makes one where the metadata is empty. */
export const CLASS = '@class';
const RESERVED = [ZONE, CLASS];
const OWN_KEY = 'rollcall.metadata.';
/** What an instance says of itself where Eureka has to be told something else. */
export const MEANT_STATUS = 'rollcall.status';

const HOUSED = ['weight', 'version', 'tags', 'endpoints'] as const satisfies HousedField[];

const OWN_DATA_CENTER = {
  '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
  name: 'MyOwn',
} as const;

function isSecure({ scheme }: ServiceInstance): boolean {
  return scheme === 'https';
}

function readAddress(
  entry: Readonly<Record<string, unknown>>,
): Pick<InstanceSpec, 'host' | 'port' | 'scheme'> {
  const secure = readPort(entry['securePort']);
  const plain = readPort(entry['port']);
  // What is wrong with host or port, `instanceFromWire` says.
  const host = (entry['hostName'] ?? entry['ipAddr']) as string;
  if (secure?.isEnabled) return { host, port: secure.number, scheme: 'https' };
  return { host, port: plain?.number ?? Number.NaN };
}

function readPort(raw: unknown): { readonly number: number; readonly isEnabled: boolean } | undefined {
  if (!isObject(raw)) return undefined;
  return { number: Number(raw['$']), isEnabled: String(raw['@enabled']) === 'true' };
}
