import { CARRIED_FIELDS, DEFAULT_NAMESPACE, instanceFromWire, RegistryError } from '@rollcall/core';
import { metaOf, tagsOf, weightOf } from './foreign-fields.ts';
import type { Layout } from './layout.ts';
import { decodeServiceName, encodeServiceName } from './names.ts';

/**
 * Rollcall's own: services named `{service}` or `{namespace}~~{service}`, encoded. Entries of others are read too, as
 * far as their names are such: tags are tags, `Meta` is metadata.
 */
export const rollcallLayout: Layout = {
  fields: CARRIED_FIELDS,
  namespaces: true,
  anyName: true,
  serviceName: encodeServiceName,
  serviceOf: decodeServiceName,
  show: ({ tags = [], metadata, scheme, version, zone }) => ({
    Tags: tags,
    Meta: {
      ...(scheme !== undefined && { scheme }),
      ...(version !== undefined && { version }),
      ...(zone !== undefined && { zone }),
      ...metadata,
    },
  }),
  read(entry, key, host) {
    if (key.namespace !== DEFAULT_NAMESPACE)
      throw new RegistryError(
        'PROTOCOL',
        'it stands in a namespace of Rollcall, and Rollcall did not write it',
      );
    return instanceFromWire({
      ...key,
      id: entry.ID,
      host,
      // What is wrong with it, `instanceFromWire` says.
      port: entry.Port as number,
      weight: weightOf(entry),
      tags: tagsOf(entry),
      metadata: metaOf(entry),
    });
  },
};
