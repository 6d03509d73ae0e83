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
