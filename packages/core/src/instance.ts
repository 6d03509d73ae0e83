import { formatAddress } from './address.ts';
import { invalidArgument } from './errors.ts';
import type { Mutable } from './mutable.ts';
import { checkName, DEFAULT_NAMESPACE, describe, hasControlCharacter } from './names.ts';

/**
 * What an instance says of itself, in Eureka's five words
 * (https://github.com/Netflix/eureka/wiki/Eureka-REST-operations):
 *
 * - `UP`: give it calls.
 * - `STARTING`: listed, but not ready for calls.
 * - `DOWN`: its own health check fails.
 * - `OUT_OF_SERVICE`: taken out on purpose; it finishes what it has.
 * - `UNKNOWN`: the registry says something that fits none of these.
 */
export const INSTANCE_STATUSES = ['UP', 'STARTING', 'DOWN', 'OUT_OF_SERVICE', 'UNKNOWN'] as const;
export type InstanceStatus = (typeof INSTANCE_STATUSES)[number];

/** Where a service is listed. Two namespaces never see each other's services. */
export interface ServiceKey {
  readonly namespace: string;
  readonly service: string;
}

/** Which entry of a service is meant. An id is unique within its service. */
export interface InstanceKey extends ServiceKey {
  readonly id: string;
}

/** What tells an instance from all others, as one text. No name holds a control character. */
export function identityOf({ namespace, service, id }: InstanceKey): string {
  return `${namespace}\n${service}\n${id}`;
}

/** One running copy of a service, as it is listed. Flat, JSON-safe and frozen. */
export interface ServiceInstance extends InstanceKey {
  /** A host name or IP address that callers can reach. IPv6 stands without brackets. */
  readonly host: string;
  /** 1 to 65 535. */
  readonly port: number;
  readonly status: InstanceStatus;
  /** Its share of the calls relative to its siblings; 0 gives it none. A finite number, 0 to 1 000 000. */
  readonly weight: number;
  /** The protocol that `port` speaks: `http`, `https`, `grpc`, `tcp` … */
  readonly scheme?: string;
  readonly version?: string;
  /** The failure domain that it runs in, as the platform names it. */
  readonly zone?: string;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** URLs of further protocols that the same process serves, such as `grpc://10.0.0.7:9000`. */
  readonly endpoints?: readonly string[];
}

/** What a caller gives to have an instance listed. */
export interface InstanceSpec {
  readonly service: string;
  readonly host: string;
  readonly port: number;
  /** Defaults to `host:port`. */
  readonly id?: string;
  /** Defaults to `default`. */
  readonly namespace?: string;
  /** Defaults to `UP`. */
  readonly status?: InstanceStatus;
  /** Defaults to 1. */
  readonly weight?: number;
  readonly scheme?: string;
  readonly version?: string;
  readonly zone?: string;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly endpoints?: readonly string[];
}

/** The largest weight. */
export const MAX_WEIGHT = 1_000_000;

/** The most that tags, metadata and endpoints of one instance may hold together, in characters. */
export const MAX_INSTANCE_CHARACTERS = 65_536;

const SPEC_KEYS: ReadonlySet<string> = new Set([
  'service',
  'host',
  'port',
  'id',
  'namespace',
  'status',
  'weight',
  'scheme',
  'version',
  'zone',
  'tags',
  'metadata',
  'endpoints',
] satisfies (keyof InstanceSpec)[]);

/**
 * Checks a spec and makes the frozen instance of it. Empty tags, metadata and endpoints are left out, so that two
 * instances that say the same are written the same.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT`; `field` names the first field at fault.
 */
export function defineInstance(spec: InstanceSpec): ServiceInstance {
  if (typeof spec !== 'object' || spec === null)
    throw invalidArgument('instance', `must be an object, but it is ${describe(spec)}`);
  for (const key of Object.keys(spec)) {
    if (!SPEC_KEYS.has(key))
      throw invalidArgument(key, `is not a field of an instance; put your own data in metadata`);
  }
  const host = checkHost(spec.host);
  const port = checkPort(spec.port);
  const scheme = optionalText('scheme', spec.scheme);
  const version = optionalText('version', spec.version);
  const zone = optionalText('zone', spec.zone);
  const tags = textList('tags', spec.tags);
  const metadata = checkMetadata(spec.metadata);
  const endpoints = checkEndpoints(spec.endpoints);
  checkSize(tags, metadata, endpoints);
  const instance: Mutable<ServiceInstance> = {
    namespace: spec.namespace === undefined ? DEFAULT_NAMESPACE : checkName('namespace', spec.namespace),
    service: checkName('service', spec.service),
    id: spec.id === undefined ? defaultId(host, port) : checkName('id', spec.id),
    host,
    port,
    status: checkStatus(spec.status),
    weight: checkWeight(spec.weight),
  };
  // Set one by one: conditional spreads would make two objects for each field, in the path of every decoded entry.
  if (scheme !== undefined) instance.scheme = scheme;
  if (version !== undefined) instance.version = version;
  if (zone !== undefined) instance.zone = zone;
  if (tags !== undefined) instance.tags = tags;
  if (metadata !== undefined) instance.metadata = metadata;
  if (endpoints !== undefined) instance.endpoints = endpoints;
  return Object.freeze(instance);
}

/** The id of an instance that gives none: one address is one instance. */
function defaultId(host: string, port: number): string {
  return checkName('id', formatAddress({ host, port }));
}

/** Whether two are at the same address: who changes it is another process. */
export function sameAddress(a: ServiceInstance, b: ServiceInstance): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Whether two instances say the same in every field. */
export function sameInstance(a: ServiceInstance, b: ServiceInstance): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.status === b.status &&
      a.weight === b.weight &&
      a.host === b.host &&
      a.port === b.port &&
      a.service === b.service &&
      a.namespace === b.namespace &&
      a.scheme === b.scheme &&
      a.version === b.version &&
      a.zone === b.zone &&
      sameList(a.tags, b.tags) &&
      sameList(a.endpoints, b.endpoints) &&
      sameRecord(a.metadata, b.metadata))
  );
}

function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.length === b.length && a.every((text, i) => text === b[i]);
}

function sameRecord(a: ServiceInstance['metadata'], b: ServiceInstance['metadata']): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}

function checkHost(host: unknown): string {
  if (typeof host !== 'string' || host === '') {
    throw invalidArgument('host', `must be a host name or IP address, but it is ${describe(host)}`);
  }
  if (host.length > 253 || !/^[^\s/?#@[\]]+$/u.test(host) || hasControlCharacter(host)) {
    throw invalidArgument(
      'host',
      `must be a bare host name or IP address, without scheme, port, path or brackets`,
    );
  }
  return host;
}

function checkPort(port: unknown): number {
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalidArgument('port', `must be an integer from 1 to 65535, but it is ${describe(port)}`);
  }
  return port;
}

function checkStatus(status: unknown): InstanceStatus {
  if (status === undefined) return 'UP';
  if (!isInstanceStatus(status)) {
    throw invalidArgument(
      'status',
      `must be one of ${INSTANCE_STATUSES.join(', ')}, but it is ${describe(status)}`,
    );
  }
  return status;
}

export function isInstanceStatus(value: unknown): value is InstanceStatus {
  return (INSTANCE_STATUSES as readonly unknown[]).includes(value);
}

function checkWeight(weight: unknown): number {
  if (weight === undefined) return 1;
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= MAX_WEIGHT)) {
    throw invalidArgument(
      'weight',
      `must be a number from 0 to ${MAX_WEIGHT}, but it is ${describe(weight)}`,
    );
  }
  return weight === 0 ? 0 : weight;
}

function optionalText(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '')
    throw invalidArgument(field, `must be a non-empty string, but it is ${describe(value)}`);
  return wellFormed(field, value);
}

function textList(field: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value))
    throw invalidArgument(field, `must be an array of strings, but it is ${describe(value)}`);
  if (value.length === 0) return undefined;
  return Object.freeze(
    value.map((item: unknown, i) => {
      if (typeof item !== 'string' || item === '') {
        throw invalidArgument(`${field}[${i}]`, `must be a non-empty string, but it is ${describe(item)}`);
      }
      return item.isWellFormed() ? item : wellFormed(`${field}[${i}]`, item);
    }),
  );
}

function checkMetadata(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument('metadata', `must be an object of strings, but it is ${describe(value)}`);
  }
  const metadata: Record<string, string> = {};
  let empty = true;
  for (const key of Object.keys(value)) {
    if (key === '') throw invalidArgument('metadata', 'has an empty key: give it a name');
    wellFormed('metadata', key);
    const text: unknown = (value as Record<string, unknown>)[key];
    if (typeof text !== 'string') {
      throw invalidArgument(
        `metadata.${key}`,
        `must be a string, but it is ${describe(text)}; write other data as JSON text`,
      );
    }
    if (!text.isWellFormed()) wellFormed(`metadata.${key}`, text);
    // An assignment to `__proto__` would set the prototype: as a property of its own it is data and nothing else.
    if (key === '__proto__') Object.defineProperty(metadata, key, { value: text, enumerable: true });
    else metadata[key] = text;
    empty = false;
  }
  return empty ? undefined : Object.freeze(metadata);
}

function checkEndpoints(value: unknown): readonly string[] | undefined {
  const endpoints = textList('endpoints', value);
  if (endpoints === undefined) return undefined;
  for (const [i, endpoint] of endpoints.entries()) {
    if (!URL.canParse(endpoint)) {
      throw invalidArgument(`endpoints[${i}]`, 'must be a URL such as grpc://10.0.0.7:9000');
    }
    const url = new URL(endpoint);
    if (url.username || url.password) {
      throw invalidArgument(
        `endpoints[${i}]`,
        'holds a user name or password: everybody can read a registry, leave them out',
      );
    }
  }
  return endpoints;
}

function checkSize(
  tags: readonly string[] | undefined,
  metadata: Readonly<Record<string, string>> | undefined,
  endpoints: readonly string[] | undefined,
): void {
  let characters = 0;
  for (const tag of tags ?? []) characters += tag.length;
  for (const key in metadata) characters += key.length + (metadata[key] as string).length;
  for (const endpoint of endpoints ?? []) characters += endpoint.length;
  if (characters > MAX_INSTANCE_CHARACTERS) {
    throw invalidArgument(
      'metadata',
      `tags, metadata and endpoints hold ${characters} characters; the limit is ${MAX_INSTANCE_CHARACTERS}`,
    );
  }
}

function wellFormed(field: string, text: string): string {
  if (!text.isWellFormed()) throw invalidArgument(field, 'is malformed Unicode (half of a surrogate pair)');
  return text;
}
