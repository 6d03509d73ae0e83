import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

interface Running {
  readonly type: string;
  hasRef(): boolean;
}

/**
 * Runs `body` and gives it a function that names what it has started, and what that has started, and still keeps
 * the process alive: timers, sockets, file watches and the like. What others start meanwhile is not counted, which
 * `process.getActiveResourcesInfo()` can't tell apart.
 */
export async function recordingWhatRuns(
  body: (running: () => Promise<readonly string[]>) => Promise<void>,
): Promise<void> {
  const inside = new AsyncLocalStorage<true>();
  const alive = new Map<number, Running>();
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (!inside.getStore() || !hasRefMethod(resource)) return;
      alive.set(id, { type, hasRef: () => resource.hasRef() });
    },
    destroy(id) {
      alive.delete(id);
    },
  }).enable();
  const running = async () => {
    // Node tells of an end one turn late.
    await nextTurn();
    await nextTurn();
    return [...alive.values()].filter((one) => one.hasRef()).map(({ type }) => type);
  };
  try {
    await inside.run(true, () => body(running));
  } finally {
    hook.disable();
  }
}

/** Timers and handles have it; promises, requests and ticks, which end by themselves, have not. */
function hasRefMethod(resource: object): resource is { hasRef(): boolean } {
  return 'hasRef' in resource && typeof resource.hasRef === 'function';
}
