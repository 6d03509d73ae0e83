import {
  CARRIED_FIELDS,
  decodeInstance,
  decodeSegment,
  encodeInstance,
  encodeSegment,
  RegistryError,
} from '@rollcall/core';
import type { Layout } from './layout.ts';

/** Rollcall's own: `{prefix}/{namespace}/{service}/{id}`, each part percent-encoded, and a flat JSON object. */
export function rollcallLayout(prefix: string): Layout {
  const namespacePrefix = (namespace: string) => `${prefix}/${encodeSegment(namespace)}/`;
  const servicePrefix: Layout['servicePrefix'] = ({ namespace, service }) =>
    `${namespacePrefix(namespace)}${encodeSegment(service)}/`;
  return {
    fields: CARRIED_FIELDS,
    namespaces: true,
    anyName: true,
    namespacePrefix,
    servicePrefix,
    key: (instance) => servicePrefix(instance) + encodeSegment(instance.id),
    idOf(rest) {
      const id = rest === '' ? undefined : decodeSegment(rest);
      if (id === undefined) throw new RegistryError('PROTOCOL', 'the key is not one that Rollcall writes');
      return id;
    },
    serviceOf(rest) {
      const [service, id, ...more] = rest.split('/');
      return service && id && more.length === 0 ? decodeSegment(service) : undefined;
    },
    encode: encodeInstance,
    decode: decodeInstance,
  };
}
