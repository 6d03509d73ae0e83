import type { RegistryAdapter } from '@rollcall/core';

/** The same adapter, but for some of its methods. */
export function altered(inner: RegistryAdapter, methods: Partial<RegistryAdapter>): RegistryAdapter {
  return {
    type: 'altered',
    capabilities: inner.capabilities,
    open: (signal) => inner.open(signal),
    close: () => inner.close(),
    register: (instance, options) => inner.register(instance, options),
    deregister: (instance, options) => inner.deregister(instance, options),
    discover: (key, options) => inner.discover(key, options),
    ...(inner.watch && { watch: inner.watch.bind(inner) }),
    listServices: (namespace, options) => inner.listServices(namespace, options),
    ...methods,
  };
}
