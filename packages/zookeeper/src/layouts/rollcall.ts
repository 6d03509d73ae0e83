import { CARRIED_FIELDS, decodeInstance, decodeSegment, encodeInstance, encodeSegment } from '@rollcall/core';
import type { Layout } from './layout.ts';

/** Rollcall's own: `{chroot}/{namespace}/{service}/{id}`, each part percent-encoded, and a flat JSON object. */
export function rollcallLayout(chroot: string): Layout {
  const namespacePath = (namespace: string) => `${chroot}/${encodeSegment(namespace)}`;
  const servicePath: Layout['servicePath'] = ({ namespace, service }) =>
    `${namespacePath(namespace)}/${encodeSegment(service)}`;
  return {
    fields: CARRIED_FIELDS,
    namespaces: true,
    anyName: true,
    namespacePath,
    servicePath,
    path: (instance) => `${servicePath(instance)}/${encodeSegment(instance.id)}`,
    idOf: decodeSegment,
    serviceOf: decodeSegment,
    encode: encodeInstance,
    decode: decodeInstance,
  };
}
