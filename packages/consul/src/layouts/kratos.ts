import { CARRIED_FIELDS, RegistryError, type ServiceInstance } from '@rollcall/core';
import {
  decodeKratosInstance,
  encodeKratosInstance,
  formatAddress,
  isObject,
  parseJsonObject,
} from '@rollcall/core/dialects';
import { metaOf, tagsOf } from './foreign-fields.ts';
import type { ConsulService, Layout, Shown } from './layout.ts';
import { plainServiceName } from './names.ts';

const VERSION = 'version=';

/**
 * So that Kratos' Consul registry reads it, and as it writes: the version is a tag, and each endpoint a tagged address
 * under its scheme (https://github.com/go-kratos/kratos/tree/main/contrib/registry/consul).
 */
export const kratosLayout: Layout = {
  fields: CARRIED_FIELDS,
  namespaces: false,
  anyName: false,
  serviceName: plainServiceName,
  serviceOf: (name) => (name === 'consul' ? undefined : name),
  show(instance) {
    const { version, metadata, endpoints } = parseJsonObject(encodeKratosInstance(instance)) as unknown as {
      version: string;
      metadata: Record<string, string>;
      endpoints: string[];
    };
    return {
      Tags: [VERSION + version],
      Meta: metadata,
      TaggedAddresses: taggedAddresses(endpoints, instance),
    };
  },
  read(entry, key, host) {
    const version = tagsOf(entry).find((tag) => tag.startsWith(VERSION));
    return decodeKratosInstance(
      JSON.stringify({
        id: entry.ID,
        name: key.service,
        version: version?.slice(VERSION.length),
        metadata: metaOf(entry),
        endpoints: endpointsOf(entry, host),
      }),
      { ...key, id: entry.ID },
    );
  },
};

/** One for each scheme: of two with the same, the first. */
function taggedAddresses(
  endpoints: readonly string[],
  { port }: ServiceInstance,
): NonNullable<Shown['TaggedAddresses']> {
  const addresses: [string, { Address: string; Port: number }][] = [];
  for (const endpoint of endpoints) {
    const { protocol, port: own } = new URL(endpoint);
    const scheme = protocol.slice(0, -1);
    if (addresses.some(([other]) => other === scheme)) continue;
    addresses.push([scheme, { Address: endpoint, Port: Number(own) || port }]);
  }
  return Object.fromEntries(addresses);
}

/** The one at the entry's own address first; Consul gives them in no order. */
function endpointsOf({ TaggedAddresses, Port }: ConsulService, host: string): string[] {
  const endpoints: string[] = [];
  for (const [scheme, tagged] of isObject(TaggedAddresses) ? Object.entries(TaggedAddresses) : []) {
    // Consul adds these itself: `lan_ipv4`, `wan_ipv6`.
    if (/^(?:lan|wan)(?:_|$)/u.test(scheme)) continue;
    const address = isObject(tagged) ? tagged['Address'] : undefined;
    if (typeof address === 'string') endpoints.push(address);
  }
  if (typeof Port !== 'number') throw new RegistryError('PROTOCOL', 'its port is not a number');
  const own = formatAddress({ host, port: Port });
  if (endpoints.length === 0) return [`http://${own}`];
  const isOwn = (endpoint: string) => endpoint.replace(/^[^:]*:\/\//u, '').replace(/[/?#].*$/u, '') === own;
  return endpoints.toSorted((a, b) => Number(isOwn(b)) - Number(isOwn(a)));
}
