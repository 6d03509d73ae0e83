import { CARRIED_FIELDS } from '@rollcall/core';
import { decodeKratosInstance, encodeKratosInstance } from '@rollcall/core/dialects';
import type { Layout } from './layout.ts';
import { slashedKey } from './slashed-key.ts';

/**
 * As Kratos' etcd registry writes: `/microservices/{name}/{id}` → {@link encodeKratosInstance}
 * (https://github.com/go-kratos/kratos/tree/main/contrib/registry/etcd).
 */
export function kratosLayout(prefix: string): Layout {
  return {
    ...slashedKey(`${prefix}/`),
    fields: CARRIED_FIELDS,
    encode: encodeKratosInstance,
    decode: decodeKratosInstance,
  };
}
