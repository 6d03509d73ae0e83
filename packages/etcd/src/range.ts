import { type IKeyValue, Range } from 'etcd3';
import type { EtcdClient } from './client.ts';

/** Everything under a prefix, as it stood at one revision. */
export interface RangeAnswer {
  readonly entries: readonly IKeyValue[];
  readonly revision: string;
}

/**
 * How many entries are asked for at once. A list of any length is then read in pieces of some hundred kilobytes, and no
 * beat waits behind tens of megabytes on the same connection.
 */
const PAGE_SIZE = 1_000;

/** Reads all entries whose keys start with the prefix. Linearizable: it sees every write that was answered before. */
export async function readRange(
  client: EtcdClient,
  prefix: string,
  options: { readonly keysOnly: boolean; readonly doing: string; readonly signal: AbortSignal },
): Promise<RangeAnswer> {
  const { start, end } = Range.prefix(prefix);
  const entries: IKeyValue[] = [];
  let key = start;
  let revision: string | undefined;
  for (;;) {
    const request = {
      key,
      range_end: end,
      limit: PAGE_SIZE,
      keys_only: options.keysOnly,
      // Later pages are read as of the first, so that together they are one list.
      ...(revision !== undefined && { revision }),
    };
    const page = await client.call(options.doing, options.signal, (rpc) => rpc.kv.range(request));
    for (const entry of page.kvs) entries.push(entry);
    revision ??= page.header.revision;
    const last = page.kvs.at(-1);
    if (!page.more || !last) return { entries, revision };
    key = Buffer.concat([last.key, AFTER]);
  }
}

/** The smallest suffix: a key with it is the next possible one. */
const AFTER = Buffer.from([0]);
