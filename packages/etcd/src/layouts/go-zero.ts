import { instanceFromWire } from '@rollcall/core';
import { formatAddress, parseAddress } from '@rollcall/core/dialects';
import type { Layout } from './layout.ts';
import { slashedKey } from './slashed-key.ts';

/**
 * As go-zero's `discov`: `{key}/{id}` → `host:port`, nothing else (https://go-zero.dev/en/docs/concepts/components).
 * The key is the service. There is no place for a status, a weight or metadata.
 */
export function goZeroLayout(prefix: string): Layout {
  return {
    ...slashedKey(prefix === '' ? '' : `${prefix}/`),
    fields: [],
    encode: formatAddress,
    decode: (value, key) => instanceFromWire({ ...key, ...parseAddress(value) }),
  };
}
