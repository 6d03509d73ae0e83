import { RegistryError } from '@rollcall/core';
import { formatAddress, isObject } from '@rollcall/core/dialects';

/**
 * An instance as it stands in Nacos
 * (https://github.com/alibaba/nacos/blob/develop/api/src/main/java/com/alibaba/nacos/api/naming/pojo/Instance.java).
 */
export interface WireInstance {
  readonly ip: string;
  readonly port: number;
  /** 0 to 10 000. Nacos’ own readers give calls to those above 0 only. */
  readonly weight: number;
  readonly healthy: boolean;
  readonly clusterName: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where Nacos has an instance: what tells it from others of its service, to people and to itself. */
export function placeOf({ ip, port, clusterName }: WireInstance): string {
  return `${formatAddress({ host: ip, port })} in ${clusterName}`;
}

/**
 * The fields of an entry that Nacos lists. They aren't looked into any further: what is wrong with them, `instanceFromWire`
 * says.
 *
 * @throws {RegistryError} `PROTOCOL`
 */
export function readWireInstance(raw: unknown): WireInstance {
  if (!isObject(raw)) throw new RegistryError('PROTOCOL', 'an entry of the list is not an object');
  const { ip, port, weight = 1, healthy = true, clusterName = 'DEFAULT' } = raw;
  const metadata = raw['metadata'] ?? {};
  if (typeof ip !== 'string') throw new RegistryError('PROTOCOL', 'its ip is not a string');
  if (!isObject(metadata)) throw new RegistryError('PROTOCOL', 'its metadata is not an object');
  return { ip, port, weight, healthy, clusterName, metadata } as WireInstance;
}

/** Whether two say the same. Quicker than to write both as text: of a long list that comes anew, few entries changed. */
export function sameWireInstance(a: WireInstance, b: WireInstance): boolean {
  return (
    a.ip === b.ip &&
    a.port === b.port &&
    a.weight === b.weight &&
    a.healthy === b.healthy &&
    a.clusterName === b.clusterName &&
    sameMetadata(a.metadata, b.metadata)
  );
}

function sameMetadata(a: WireInstance['metadata'], b: WireInstance['metadata']): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}
