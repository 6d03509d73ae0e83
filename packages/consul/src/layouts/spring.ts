import { CARRIED_FIELDS, instanceFromWire } from '@rollcall/core';
import { metaOf, tagsOf } from './foreign-fields.ts';
import type { Layout } from './layout.ts';
import { plainServiceName } from './names.ts';

/**
 * So that Spring Cloud Consul reads it, and as it writes: the scheme is `Meta.secure`, the zone is `Meta.zone`
 * (https://github.com/spring-cloud/spring-cloud-consul/tree/main/spring-cloud-consul-discovery/src/main/java/org/springframework/cloud/consul).
 */
export const springLayout: Layout = {
  fields: CARRIED_FIELDS,
  namespaces: false,
  anyName: false,
  serviceName: plainServiceName,
  serviceOf: (name) => (name === 'consul' ? undefined : name),
  show: ({ tags = [], metadata, scheme, zone }) => ({
    Tags: tags,
    Meta: { ...metadata, secure: String(scheme === 'https'), ...(zone !== undefined && { zone }) },
  }),
  read(entry, key, host) {
    const tags = tagsOf(entry);
    const { secure, zone, ...metadata } = metaOf(entry);
    // Before 2.2 Spring had it among the tags.
    const isSecure = secure === 'true' || (secure === undefined && tags.includes('secure=true'));
    return instanceFromWire({
      ...key,
      id: entry.ID,
      host,
      port: entry.Port as number,
      scheme: isSecure ? 'https' : 'http',
      ...(zone && { zone }),
      tags,
      metadata,
    });
  },
};
