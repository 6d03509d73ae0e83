import type { IKeyValue } from 'etcd3';
import type { EtcdClient } from './client.ts';

/** What stands under a key. Linearizable: it sees every write that was answered before. */
export async function readKey(
  client: EtcdClient,
  key: string,
  doing: string,
  signal: AbortSignal,
): Promise<IKeyValue | undefined> {
  const { kvs } = await client.call(doing, signal, (rpc) => rpc.kv.range({ key: Buffer.from(key) }));
  return kvs[0];
}

/**
 * Replaces the value under a key whose lease stays, whoever holds it.
 *
 * @returns whether it did; not where the key was written or deleted since it was read.
 */
export async function replaceValue(
  client: EtcdClient,
  { key, mod_revision }: IKeyValue,
  value: string,
  doing: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { succeeded } = await client.call(doing, signal, (rpc) =>
    rpc.kv.txn({
      compare: [{ key, target: 'Mod', result: 'Equal', mod_revision }],
      success: [{ request_put: { key, value: Buffer.from(value), ignore_lease: true } }],
      failure: [],
    }),
  );
  return succeeded;
}
