import { instanceFromWire } from '../codec.ts';
import { RegistryError } from '../errors.ts';
import { MAX_WEIGHT, type InstanceKey, type InstanceSpec, type ServiceInstance } from '../instance.ts';
import { type Address, formatAddress, parseAddress } from '../address.ts';
import { fieldsFromMetadata, type HousedField, housedMetadata } from './fields-in-metadata.ts';
import { isObject, parseJsonObject } from './json-object.ts';

/**
 * An instance as Kratos' registries write it in a tree of keys, such as etcd's or ZooKeeper's:
 * `{"id","name","version","metadata":{},"endpoints":["grpc://10.0.0.7:9000"]}`
 * (https://github.com/go-kratos/kratos/tree/main/contrib/registry).
 *
 * The first endpoint is host, port and scheme; the others are `endpoints`. The weight is `metadata.weight`, where
 * Kratos' balancers look for it. What Kratos doesn't know stands in the metadata as `rollcall.<field>`.
 */
export function encodeKratosInstance(instance: ServiceInstance): string {
  return JSON.stringify({
    id: instance.id,
    name: instance.service,
    version: instance.version ?? '',
    metadata: writeMetadata(instance),
    endpoints: [
      `${urlScheme(instance) ?? FALLBACK_SCHEME}://${formatAddress(instance)}`,
      ...(instance.endpoints ?? []),
    ],
  });
}

/** Reads what {@link encodeKratosInstance} or Kratos wrote. @throws {RegistryError} `PROTOCOL` */
export function decodeKratosInstance(text: string, key: InstanceKey): ServiceInstance {
  const entry = parseJsonObject(text);
  if (entry['name'] !== key.service)
    throw new RegistryError('PROTOCOL', 'its name is not the one in its key');
  if (entry['id'] !== key.id) throw new RegistryError('PROTOCOL', 'its id is not the one in its key');
  const { url, others } = readEndpoints(entry['endpoints']);
  const { scheme = url.scheme, ...fields } = readMetadata(entry['metadata']);
  const version = entry['version'] ?? '';
  if (typeof version !== 'string') throw new RegistryError('PROTOCOL', 'its version is not a string');
  return instanceFromWire({
    ...key,
    host: url.host,
    port: url.port,
    ...(scheme && { scheme }),
    // Kratos writes an empty one where there is none.
    ...(version && { version }),
    ...(others.length > 0 && { endpoints: others }),
    ...fields,
  });
}

/** Stands in the URL for a scheme that is absent or can't stand in one; the metadata then says which. */
const FALLBACK_SCHEME = 'tcp';

const HOUSED = ['status', 'zone', 'tags'] as const satisfies HousedField[];

function urlScheme({ scheme }: ServiceInstance): string | undefined {
  return scheme !== undefined && /^[a-z][a-z0-9+.-]*$/u.test(scheme) ? scheme : undefined;
}

function writeMetadata(instance: ServiceInstance): Record<string, string> {
  const metadata = housedMetadata(instance, HOUSED);
  // Empty where the instance has no scheme: then the URL's is not taken for its own.
  if (urlScheme(instance) === undefined) metadata['rollcall.scheme'] = instance.scheme ?? '';
  // A user's own `weight` keeps its place; ours then stands beside it.
  if (instance.metadata && Object.hasOwn(instance.metadata, 'weight')) {
    metadata['rollcall.weight'] = String(instance.weight);
  } else if (instance.weight !== 1) metadata['weight'] = String(instance.weight);
  return metadata;
}

function readMetadata(raw: unknown): Partial<InstanceSpec> {
  if (raw === undefined || raw === null) return {};
  if (!isObject(raw)) throw new RegistryError('PROTOCOL', 'its metadata is not an object');
  const spec = fieldsFromMetadata(raw, [...HOUSED, 'scheme', 'weight']);
  const { weight, ...metadata } = spec.metadata ?? {};
  const isOurs = spec.weight !== undefined || weight === undefined || !isWeightText(weight);
  return isOurs ? spec : { ...spec, weight: Number(weight), metadata };
}

/** Whether a text in metadata is a weight that an instance can have. */
export function isWeightText(text: string): boolean {
  return /^\d+(?:\.\d+)?(?:e-?\d+)?$/u.test(text) && Number(text) <= MAX_WEIGHT;
}

function readEndpoints(raw: unknown): { url: Address & { scheme: string }; others: string[] } {
  if (!Array.isArray(raw) || raw.length === 0) throw new RegistryError('PROTOCOL', 'it has no endpoint');
  const [first, ...others] = raw.map((endpoint: unknown) => {
    if (typeof endpoint !== 'string') throw new RegistryError('PROTOCOL', 'an endpoint is not a string');
    return endpoint;
  });
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]+)/u.exec(first ?? '');
  if (!match?.[1] || !match[2])
    throw new RegistryError('PROTOCOL', 'its first endpoint is not scheme://host:port');
  return { url: { scheme: match[1], ...parseAddress(match[2]) }, others };
}
