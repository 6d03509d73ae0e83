import { CARRIED_FIELDS } from '@rollcall/core';
import { decodeKratosInstance, encodeKratosInstance, fieldsFromMetadata } from '@rollcall/core/dialects';
import {
  CLASS,
  infoObject,
  keepApart,
  MEANT_STATUS,
  metadataOf,
  statusOf,
  writeInfo,
} from './instance-info.ts';
import type { Layout } from './layout.ts';
import { PLAIN_NAMES } from './plain-name.ts';

/**
 * As Kratos' Eureka registry writes: the app is the service's name in capitals, and the metadata holds `ID`, `Name`,
 * `Version` and `Endpoints`, which is one URL; a Kratos service with several has an entry for each
 * (https://github.com/go-kratos/kratos/tree/main/contrib/registry/eureka).
 *
 * The rest of the metadata is as in Kratos' other registries, {@link encodeKratosInstance}.
 */
export function kratosLayout(): Layout {
  return {
    ...PLAIN_NAMES,
    fields: CARRIED_FIELDS,
    encode(instance) {
      const place = {
        app: PLAIN_NAMES.app(instance),
        instanceId: PLAIN_NAMES.instanceId(instance),
        vipAddress: instance.service,
      };
      // Eureka has a place for the status.
      const entry = JSON.parse(encodeKratosInstance({ ...instance, status: 'UP' })) as KratosEntry;
      const [endpoint = '', ...others] = entry.endpoints;
      return writeInfo(instance, place, {
        ...keepApart(entry.metadata, [...OWN_KEYS, CLASS]),
        ...(others.length > 0 && { [OTHERS]: JSON.stringify(others) }),
        ID: entry.id,
        Name: entry.name,
        Version: entry.version,
        Endpoints: endpoint,
      });
    },
    decode(info, key) {
      const raw = infoObject(info);
      const { ID, Name, Version, Endpoints, [OTHERS]: others, ...rest } = metadataOf(raw);
      const text = JSON.stringify({
        id: key.id,
        name: key.service,
        version: Version,
        // Where they aren't what the key says, they tell something: several entries of one Kratos service share an ID.
        metadata: { ...rest, ...(ID !== key.id && { ID }), ...(Name !== key.service && { Name }) },
        endpoints: [
          Endpoints,
          ...(fieldsFromMetadata({ [OTHERS]: others ?? '[]' }, ['endpoints']).endpoints ?? []),
        ],
      });
      const instance = decodeKratosInstance(text, key);
      const status = statusOf(raw, Object.hasOwn(rest, MEANT_STATUS) ? instance.status : undefined);
      return status === instance.status ? instance : Object.freeze({ ...instance, status });
    },
  };
}

interface KratosEntry {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly string[];
}

const OWN_KEYS = ['ID', 'Name', 'Version', 'Endpoints'];
const OTHERS = 'rollcall.endpoints';
