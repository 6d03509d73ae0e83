import { CARRIED_FIELDS } from '@rollcall/core';
import { readInfo, writeInfo, writeMetadata } from './instance-info.ts';
import type { Layout } from './layout.ts';
import { PLAIN_NAMES } from './plain-name.ts';

/**
 * As Spring Cloud's Eureka client writes: the app is the service's name in capitals, the instance id is the id, the
 * service's name is the address that others look up (`vipAddress`), and the zone is `metadata.zone`
 * (https://docs.spring.io/spring-cloud-netflix/reference/spring-cloud-netflix.html).
 *
 * What Spring Cloud doesn't know stands in the metadata as `rollcall.<field>`.
 */
export function springLayout(): Layout {
  return {
    ...PLAIN_NAMES,
    fields: CARRIED_FIELDS,
    encode: (instance) =>
      writeInfo(
        instance,
        {
          app: PLAIN_NAMES.app(instance),
          instanceId: PLAIN_NAMES.instanceId(instance),
          vipAddress: instance.service,
        },
        writeMetadata(instance),
      ),
    decode: readInfo,
  };
}
