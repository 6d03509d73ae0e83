import { defineAdapter, type WatchEvent } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { adapter as etcd } from '@rollcall/etcd';

const NOTHING = { instances: [], skipped: [] };

/** Broken: while the registry can't be reached, it says that nobody is listed. */
export const adapter = defineAdapter({
  ...etcd,
  create(options, context) {
    const real = etcd.create(options, context);
    return alteredAdapter(real, {
      discover: (key, callOptions) => real.discover(key, callOptions).catch(() => NOTHING),
      async *watch(key, callOptions): AsyncGenerator<WatchEvent> {
        try {
          yield* real.watch?.(key, callOptions) ?? [];
        } catch (error) {
          yield { kind: 'list', ...NOTHING };
          throw error;
        }
      },
    });
  },
});
