import { CARRIED_FIELDS } from '@rollcall/core';
import { decodeKratosInstance, encodeKratosInstance } from '@rollcall/core/dialects';
import type { Layout } from './layout.ts';
import { plainPath } from './plain-path.ts';

/**
 * As Kratos' ZooKeeper registry writes: `/microservices/{name}/{id}` → {@link encodeKratosInstance}
 * (https://github.com/go-kratos/kratos/tree/main/contrib/registry/zookeeper).
 */
export function kratosLayout(chroot: string): Layout {
  return {
    ...plainPath(chroot),
    fields: CARRIED_FIELDS,
    encode: encodeKratosInstance,
    decode: decodeKratosInstance,
  };
}
