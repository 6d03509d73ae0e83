import { abortError } from '@rollcall/core';
import { forEachName, listNodes, lookAt, type NodeCall } from './nodes.ts';

/** What changed among the nodes below one. A name is never in both. */
export interface Changes<T> {
  readonly put: ReadonlyMap<string, T>;
  readonly removed: ReadonlySet<string>;
}

/**
 * Tells what stands below a node, and then each change of it. It ends by throwing when the connection ends, and never
 * resumes.
 *
 * A watch in ZooKeeper fires once and doesn't say what changed. Each one is set anew by the very request that reads, so
 * that nothing can happen between the two; what fires while a read is under way is read again after it.
 *
 * @param read reads one name and sets its watch; `undefined` for one that isn't there.
 */
export async function* watchNodes<T>(
  call: NodeCall,
  parent: string,
  read: (call: NodeCall, name: string) => Promise<T | undefined>,
): AsyncGenerator<Changes<T>, never, undefined> {
  const known = new Set<string>();
  const stale = new Set<string>();
  let isListStale = true;
  let wake = () => {};
  const stop = call.connection.onEvent((path) => {
    if (path === parent) isListStale = true;
    else if (path.startsWith(`${parent}/`) && !path.includes('/', parent.length + 1))
      stale.add(path.slice(parent.length + 1));
    wake();
  });
  const onEnd = () => wake();
  call.signal.addEventListener('abort', onEnd);
  call.connection.ended.addEventListener('abort', onEnd);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const put = new Map<string, T>();
      const removed = new Set<string>();
      if (isListStale) {
        isListStale = false;
        const names = new Set(await listOrAwait(call, parent));
        for (const name of known) {
          if (names.has(name)) continue;
          known.delete(name);
          stale.delete(name);
          removed.add(name);
        }
        for (const name of names) if (!known.has(name)) stale.add(name);
      }
      const batch = [...stale];
      stale.clear();
      for (const [name, value] of await forEachName(call, batch, read)) {
        if (value === undefined) {
          if (known.delete(name)) removed.add(name);
          continue;
        }
        known.add(name);
        removed.delete(name);
        put.set(name, value);
      }
      if (isFirst || put.size + removed.size > 0) yield { put, removed };
      while (!isListStale && stale.size === 0) {
        if (call.signal.aborted) throw abortError(call.signal, call.doing);
        if (call.connection.ended.aborted) throw call.connection.ended.reason;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    stop();
    call.signal.removeEventListener('abort', onEnd);
    call.connection.ended.removeEventListener('abort', onEnd);
  }
}

/** Where the node isn't there yet, the watch is for its coming. */
async function listOrAwait(call: NodeCall, parent: string): Promise<readonly string[]> {
  for (;;) {
    const names = await listNodes(call, parent, true);
    if (names) return names;
    if ((await lookAt(call, parent, true)) === null) return [];
  }
}
