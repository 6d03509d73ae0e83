import { invalidArgument, identityOf, type InstanceKey } from '@rollcall/core';
import { hashText } from './hash.ts';

export interface SubsetOptions {
  /** How many instances this client calls. */
  readonly size: number;
  /** The name of this client: each takes another subset, and the same one after it has started again. */
  readonly client: string;
}

/**
 * A deterministic subset: the instances whose hash with the client's name is highest, as in gRFC A68
 * (https://github.com/grpc/proposal/blob/master/A68-random-subsetting.md). So a client of many instances keeps few connections; and when one
 * instance comes or goes, the subset changes by at most one.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT`
 */
export function subsetOf<T>(
  items: readonly T[],
  keyOf: (item: T) => InstanceKey,
  { size, client }: SubsetOptions,
): readonly T[] {
  if (!Number.isInteger(size) || size < 1)
    throw invalidArgument('subset.size', 'must be a whole number from 1');
  if (items.length <= size) return items;
  const seed = hashText(client);
  const ranked = items.map((item) => {
    const identity = identityOf(keyOf(item));
    return { item, identity, rank: hashText(identity, seed) };
  });
  ranked.sort((a, b) => b.rank - a.rank || (a.identity < b.identity ? -1 : 1));
  const chosen = new Set(ranked.slice(0, size).map(({ item }) => item));
  return items.filter((item) => chosen.has(item));
}
