import { defineAdapter } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { adapter as etcd } from '@rollcall/etcd';

/** Broken: it tells the password, leaves a rejection to nobody, and a timer behind. */
export const adapter = defineAdapter({
  ...etcd,
  create(options, context) {
    const real = etcd.create(options, context);
    return alteredAdapter(real, {
      async open(signal) {
        context.warn(`connecting with ${options.password}`);
        void Promise.reject(new Error('nobody waits for this'));
        setInterval(() => {}, 60_000);
        await real.open(signal);
      },
    });
  },
});
