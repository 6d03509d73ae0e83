import { setTimeout as pause } from 'node:timers/promises';
import {
  createController,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
} from '@rollcall/core';

/** Between two looks at a registry that can't be watched, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** Another client of the registry, which follows a service. */
export interface Follower {
  /** How it learns of changes. */
  readonly by: 'watch' | 'poll';
  /** When an instance that fits was told, on the monotonic clock; `undefined` when it isn't within `withinMs`. */
  seen(fits: (instance: ServiceInstance) => boolean, withinMs: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Follows a service. Resolves once it has the first list. */
export async function follow(adapter: RegistryAdapter, key: ServiceKey, withinMs: number): Promise<Follower> {
  const controller = createController();
  const { signal } = controller;
  let look: ((instances: readonly ServiceInstance[]) => void) | undefined;
  let failed: (error: unknown) => void = () => {};
  let isOver = false;
  const failure = new Promise<never>((_resolve, reject) => (failed = reject));
  failure.catch(() => {});
  let first: () => void = () => {};
  const begun = new Promise<void>((resolve) => (first = resolve));
  const tell = (instances: readonly ServiceInstance[]): void => {
    first();
    look?.(instances);
  };
  const following = (
    adapter.watch ? watch(adapter, key, signal, tell) : poll(adapter, key, signal, tell)
  ).catch((error: unknown) => {
    isOver = true;
    failed(error);
  });
  const follower: Follower = {
    by: adapter.watch ? 'watch' : 'poll',
    async seen(fits, ms) {
      const told = new Promise<number>((resolve) => {
        look = (instances) => {
          if (instances.some(fits)) resolve(performance.now());
        };
      });
      const isDone = createController();
      const late = pause(ms, undefined, { signal: isDone.signal }).catch(() => undefined);
      try {
        return await Promise.race([told, late, failure]);
      } finally {
        look = undefined;
        isDone.abort();
      }
    },
    async close() {
      controller.abort();
      if (!isOver) await Promise.race([following, pause(1_000, undefined, { ref: false })]);
    },
  };
  const deadline = AbortSignal.timeout(withinMs);
  const late = new Promise<never>((_resolve, reject) =>
    deadline.addEventListener('abort', () => {
      reject(new Error(`${adapter.type}: watch ${key.service}: no first list within ${withinMs} ms`));
    }),
  );
  try {
    await Promise.race([begun, failure, late]);
  } catch (error) {
    await follower.close();
    throw error;
  }
  return follower;
}

async function watch(
  adapter: RegistryAdapter,
  key: ServiceKey,
  signal: AbortSignal,
  tell: (instances: readonly ServiceInstance[]) => void,
): Promise<void> {
  for await (const event of adapter.watch?.(key, { signal }) ?? [])
    tell(event.kind === 'list' ? event.instances : event.put);
}

async function poll(
  adapter: RegistryAdapter,
  key: ServiceKey,
  signal: AbortSignal,
  tell: (instances: readonly ServiceInstance[]) => void,
): Promise<void> {
  for (;;) {
    tell((await adapter.discover(key, { signal })).instances);
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}
