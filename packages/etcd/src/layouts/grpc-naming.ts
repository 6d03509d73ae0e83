import { CARRIED_FIELDS, type InstanceSpec, instanceFromWire, RegistryError } from '@rollcall/core';
import {
  fieldsFromMetadata,
  formatAddress,
  type HousedField,
  housedMetadata,
  isObject,
  parseAddress,
  parseJsonObject,
} from '@rollcall/core/dialects';
import type { Layout } from './layout.ts';
import { slashedKey } from './slashed-key.ts';

/**
 * As etcd's own gRPC naming (`go.etcd.io/etcd/client/v3/naming`): `{target}/{addr}` →
 * `{"Op":0,"Addr":"10.0.0.7:9000","Metadata":…}` (https://etcd.io/docs/v3.6/dev-guide/grpc_naming/). The target is the service.
 *
 * `Metadata` is free there; Rollcall writes an object of strings with the fields that have no other place, as
 * `rollcall.<field>`. It reads any: what is not a string becomes JSON text, and what is not an object stands under `Metadata`.
 */
export function grpcNamingLayout(prefix: string): Layout {
  return {
    ...slashedKey(prefix === '' ? '' : `${prefix}/`),
    fields: CARRIED_FIELDS,
    encode(instance) {
      const metadata = housedMetadata(instance, HOUSED);
      return JSON.stringify({
        Op: OP_ADD,
        Addr: formatAddress(instance),
        Metadata: Object.keys(metadata).length > 0 ? metadata : null,
      });
    },
    decode(value, key) {
      const entry = parseJsonObject(value);
      if ((entry['Op'] ?? OP_ADD) !== OP_ADD) throw new RegistryError('PROTOCOL', 'its Op is not 0 (add)');
      if (typeof entry['Addr'] !== 'string') throw new RegistryError('PROTOCOL', 'it has no Addr');
      return instanceFromWire({ ...key, ...parseAddress(entry['Addr']), ...readMetadata(entry['Metadata']) });
    },
  };
}

/** https://github.com/etcd-io/etcd/blob/main/client/v3/naming/endpoints/endpoints.go */
const OP_ADD = 0;

const HOUSED = [
  'scheme',
  'status',
  'weight',
  'version',
  'zone',
  'tags',
  'endpoints',
] as const satisfies HousedField[];

function readMetadata(raw: unknown): Partial<InstanceSpec> {
  if (raw === undefined || raw === null) return {};
  const metadata = isObject(raw) ? raw : { Metadata: raw };
  const texts = Object.entries(metadata).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return fieldsFromMetadata(Object.fromEntries(texts), HOUSED);
}
