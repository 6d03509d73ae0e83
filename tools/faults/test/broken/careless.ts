import { defineAdapter } from '@rollcall/core';
import { adapter as etcd } from '@rollcall/etcd';
import { delegate } from './delegate.ts';

/** Broken: it tells the password, leaves a rejection to nobody, and a timer behind. */
export const adapter = defineAdapter({
  ...etcd,
  create(options, context) {
    const real = etcd.create(options, context);
    return {
      ...delegate(real),
      async open(signal) {
        context.warn(`connecting with ${options.password}`);
        void Promise.reject(new Error('nobody waits for this'));
        setInterval(() => {}, 60_000);
        await real.open(signal);
      },
    };
  },
});
