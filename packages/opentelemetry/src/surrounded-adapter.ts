import type { AdapterDefinition, InstanceKey, Lease, RegistryAdapter } from '@rollcall/core';

/** What an adapter is asked to do. */
export type AdapterOperation = 'register' | 'deregister' | 'override' | 'discover' | 'listServices' | 'renew';

/** What an operation is about, as far as it is known. */
export type OperationTarget = Partial<InstanceKey>;

/** Runs an operation, with something before and after it. */
export type Surrounding = <T>(
  adapterType: string,
  operation: AdapterOperation,
  target: OperationTarget,
  run: () => Promise<T>,
) => Promise<T>;

/** The same adapter, or definition of one, with something around each of its calls. Watches go through as they are. */
export function surrounded(
  adapter: RegistryAdapter | AdapterDefinition,
  around: Surrounding,
): RegistryAdapter | AdapterDefinition {
  if (!('create' in adapter)) return surroundedAdapter(adapter, around);
  return {
    type: adapter.type,
    options: adapter.options,
    create: async (options, parts) => surroundedAdapter(await adapter.create(options, parts), around),
  };
}

function surroundedAdapter(inner: RegistryAdapter, around: Surrounding): RegistryAdapter {
  const leases = new WeakMap<Lease, Lease>();
  /** The same object for the same lease: the core renews each object once. */
  const leaseFor = (lease: Lease): Lease => {
    const known = leases.get(lease);
    if (known) return known;
    const ours = surroundedLease(lease, (run) => around(inner.type, 'renew', {}, run));
    leases.set(lease, ours);
    return ours;
  };
  return {
    type: inner.type,
    get capabilities() {
      return inner.capabilities;
    },
    open: (signal) => inner.open(signal),
    close: () => inner.close(),
    register: async (instance, options) => {
      const { namespace, service, id } = instance;
      const target = { namespace, service, id };
      return leaseFor(await around(inner.type, 'register', target, () => inner.register(instance, options)));
    },
    deregister: (instance, options) => {
      const { namespace, service, id } = instance;
      const target = { namespace, service, id };
      return around(inner.type, 'deregister', target, () => inner.deregister(instance, options));
    },
    ...(inner.override && {
      override: async (instance, change, options) => {
        const { namespace, service, id } = instance;
        const target = { namespace, service, id };
        await around(inner.type, 'override', target, async () => inner.override?.(instance, change, options));
      },
    }),
    discover: (key, options) => {
      const { namespace, service } = key;
      return around(inner.type, 'discover', { namespace, service }, () => inner.discover(key, options));
    },
    listServices: (namespace, options) =>
      around(inner.type, 'listServices', { namespace }, () => inner.listServices(namespace, options)),
    ...(inner.watch && { watch: inner.watch.bind(inner) }),
    ...(inner.watchServices && { watchServices: inner.watchServices.bind(inner) }),
  };
}

function surroundedLease(lease: Lease, around: (run: () => Promise<void>) => Promise<void>): Lease {
  const { lost } = lease;
  return {
    get ttlMs() {
      return lease.ttlMs;
    },
    ...(lost && { lost }),
    // The core sends no beat for a lease that has none.
    ...(lease.renew && { renew: (options) => around(async () => lease.renew?.(options)) }),
  };
}
