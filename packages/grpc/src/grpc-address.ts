import type { ServiceInstance } from '@rollcall/core';
import { type Address, readAddress } from '@rollcall/core/dialects';

const SCHEMES: ReadonlySet<string | undefined> = new Set(['grpc', 'grpcs']);

/** Where an instance speaks gRPC: an endpoint of that scheme, where its port is for something else. */
export function grpcAddress({ host, port, scheme, endpoints = [] }: ServiceInstance): Address {
  if (!SCHEMES.has(scheme))
    for (const endpoint of endpoints) {
      const [, name, authority = ''] = /^([a-z]+):\/\/([^/?#]+)\/?$/u.exec(endpoint) ?? [];
      const address = SCHEMES.has(name) ? readAddress(authority) : undefined;
      if (address) return address;
    }
  return { host, port };
}
