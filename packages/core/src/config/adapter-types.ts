/** The registries, and the gateway before any of them, with a package of their own: what `registry.type` says, and what is imported for it. */
export const ADAPTER_PACKAGES: ReadonlyMap<string, string> = new Map([
  ['etcd', '@rollcall/etcd'],
  ['consul', '@rollcall/consul'],
  ['zookeeper', '@rollcall/zookeeper'],
  ['nacos', '@rollcall/nacos'],
  ['eureka', '@rollcall/eureka'],
  ['gateway', '@rollcall/gateway-client'],
]);

/** The registries inside the core. */
export const BUILT_IN_TYPES = ['memory', 'file', 'multi'] as const;

/** What `registry.type` may be besides a module specifier. */
export const KNOWN_TYPES: readonly string[] = [...BUILT_IN_TYPES, ...ADAPTER_PACKAGES.keys()];
