import type { RegistryAdapter } from '../adapter.ts';

/** The same adapter, but for some of its members: to make it fail, or to count its calls. */
export function alteredAdapter(inner: RegistryAdapter, members: Partial<RegistryAdapter>): RegistryAdapter {
  return {
    type: inner.type,
    capabilities: inner.capabilities,
    open: inner.open.bind(inner),
    close: inner.close.bind(inner),
    register: inner.register.bind(inner),
    deregister: inner.deregister.bind(inner),
    ...(inner.override && { override: inner.override.bind(inner) }),
    discover: inner.discover.bind(inner),
    ...(inner.watch && { watch: inner.watch.bind(inner) }),
    listServices: inner.listServices.bind(inner),
    ...(inner.watchServices && { watchServices: inner.watchServices.bind(inner) }),
    ...members,
  };
}
