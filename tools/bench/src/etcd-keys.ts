import { encodeInstance, encodeSegment, type ServiceInstance } from '@rollcall/core';

/** What the keys of a service start with in Rollcall's own layout. */
export function servicePrefix(service: string): string {
  return `/rollcall/default/${encodeSegment(service)}/`;
}

/** The entry of an instance, as `@rollcall/etcd` writes it. */
export function etcdEntry(instance: ServiceInstance): { readonly key: string; readonly value: string } {
  return {
    key: servicePrefix(instance.service) + encodeSegment(instance.id),
    value: encodeInstance(instance),
  };
}

/** Runs `use` for 0 … count-1, so many at once. */
export async function eachOf(
  count: number,
  atOnce: number,
  use: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await use(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
