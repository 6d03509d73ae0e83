import type { RegistryAdapter } from '@rollcall/core';

/** The adapter as a plain object, of which one method can then be replaced. */
export function delegate(adapter: RegistryAdapter): RegistryAdapter {
  return {
    type: adapter.type,
    capabilities: adapter.capabilities,
    open: (signal) => adapter.open(signal),
    close: () => adapter.close(),
    register: (instance, options) => adapter.register(instance, options),
    deregister: (key, options) => adapter.deregister(key, options),
    discover: (key, options) => adapter.discover(key, options),
    listServices: (namespace, options) => adapter.listServices(namespace, options),
    ...(adapter.watch && { watch: adapter.watch.bind(adapter) }),
  };
}
