import { defineAdapter, type InstanceList, type WatchEvent } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { adapter as etcd } from '@rollcall/etcd';

/** Broken: its watch reads the list once, and after an interruption goes on as if nothing could have happened. */
export const adapter = defineAdapter({
  ...etcd,
  create(options, context) {
    const real = etcd.create(options, context);
    let first: InstanceList | undefined;
    return alteredAdapter(real, {
      async *watch(key, callOptions): AsyncGenerator<WatchEvent> {
        for await (const event of real.watch?.(key, callOptions) ?? []) {
          if (event.kind === 'list') first ??= event;
          yield event.kind === 'list' ? ({ kind: 'list', ...first } as WatchEvent) : event;
        }
      },
    });
  },
});
