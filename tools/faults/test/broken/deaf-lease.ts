import { defineAdapter, type Lease } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { adapter as etcd } from '@rollcall/etcd';

/** Broken: its leases never say that they are lost. */
export const adapter = defineAdapter({
  ...etcd,
  create(options, context) {
    const real = etcd.create(options, context);
    const deaf = new Map<Lease, Lease>();
    return alteredAdapter(real, {
      async register(instance, registerOptions) {
        const lease = await real.register(instance, registerOptions);
        const known = deaf.get(lease) ?? {
          ttlMs: lease.ttlMs,
          renew: async (callOptions) => lease.renew?.(callOptions).catch(() => {}),
        };
        deaf.set(lease, known);
        return known;
      },
    });
  },
});
