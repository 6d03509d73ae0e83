import { createController } from '@rollcall/core';
import { type ACL, CreateMode, Exception, type Stat } from 'node-zookeeper-client';
import type { Connection } from './connection.ts';
import { zookeeperCode } from './zookeeper-error.ts';

export interface NodeCall {
  readonly connection: Connection;
  /** What is being done, for messages. */
  readonly doing: string;
  readonly signal: AbortSignal;
}

/**
 * Writes an ephemeral node of this session. One that stands there already is overwritten when it is this session's, and
 * else replaced in one step: a node of a session that is about to expire would take the entry with it.
 */
export async function putEphemeral(
  call: NodeCall,
  path: string,
  data: Buffer,
  acl: readonly ACL[],
): Promise<void> {
  const { connection } = call;
  /* oxlint-disable no-await-in-loop -- each step depends on what the last one found */
  for (let turn = 0; ; turn++) {
    try {
      const stat = await request<Stat>(call, (client, done) => client.setData(path, data, -1, done));
      if (stat.ephemeralOwner.equals(connection.ticket.id)) return;
      await request<void>(call, (client, done) =>
        client
          .transaction()
          .remove(path)
          .create(path, data, acl, CreateMode.EPHEMERAL)
          .commit((error) => done(error)),
      );
      return;
    } catch (error) {
      if (zookeeperCode(error) !== Exception.NO_NODE || turn === TURNS) throw error;
    }
    try {
      await create(call, path, data, acl, CreateMode.EPHEMERAL);
      return;
    } catch (error) {
      const code = zookeeperCode(error);
      if (turn === TURNS || (code !== Exception.NODE_EXISTS && code !== Exception.NO_NODE)) throw error;
      if (code === Exception.NO_NODE) await ensure(call, parentOf(path), acl);
    }
  }
  /* oxlint-enable no-await-in-loop */
}

/** Removes a node, whoever made it, if it is there. */
export async function removeNode(call: NodeCall, path: string): Promise<void> {
  try {
    await request<void>(call, (client, done) => client.remove(path, -1, done));
  } catch (error) {
    if (zookeeperCode(error) !== Exception.NO_NODE) throw error;
  }
}

/** The data of a node; `undefined` for one that isn't there. */
export async function readNode(
  call: NodeCall,
  path: string,
  isWatched: boolean,
): Promise<Buffer | undefined> {
  try {
    const data = await request<Buffer | undefined>(call, (client, done) =>
      isWatched ? client.getData(path, call.connection.watcher, done) : client.getData(path, done),
    );
    return data ?? NOTHING;
  } catch (error) {
    if (zookeeperCode(error) === Exception.NO_NODE) return undefined;
    throw error;
  }
}

/** The data of a node, and what tells when it is written again; `undefined` for one that isn't there. */
export async function readVersion(
  call: NodeCall,
  path: string,
): Promise<{ readonly data: Buffer; readonly version: number } | undefined> {
  try {
    return await request(call, (client, done) =>
      client.getData(path, (error, data, stat) =>
        done(error, { data: data ?? NOTHING, version: stat?.version ?? -1 }),
      ),
    );
  } catch (error) {
    if (zookeeperCode(error) === Exception.NO_NODE) return undefined;
    throw error;
  }
}

/**
 * Replaces the data of a node, which stays its session's.
 *
 * @returns whether it did; not where the node was written or removed since it was read.
 */
export async function replaceData(
  call: NodeCall,
  path: string,
  data: Buffer,
  version: number,
): Promise<boolean> {
  try {
    await request<Stat>(call, (client, done) => client.setData(path, data, version, done));
    return true;
  } catch (error) {
    const code = zookeeperCode(error);
    if (code === Exception.BAD_VERSION || code === Exception.NO_NODE) return false;
    throw error;
  }
}

/** The names of the nodes below one; `undefined` for one that isn't there. */
export async function listNodes(
  call: NodeCall,
  path: string,
  isWatched: boolean,
): Promise<readonly string[] | undefined> {
  try {
    return await request<string[]>(call, (client, done) =>
      isWatched ? client.getChildren(path, call.connection.watcher, done) : client.getChildren(path, done),
    );
  } catch (error) {
    if (zookeeperCode(error) === Exception.NO_NODE) return undefined;
    throw error;
  }
}

/** What ZooKeeper says of a node; `null` for one that isn't there. With a watch, it fires when the node comes. */
export function lookAt(call: NodeCall, path: string, isWatched: boolean): Promise<Stat | null> {
  return request<Stat | null>(call, (client, done) =>
    isWatched ? client.exists(path, call.connection.watcher, done) : client.exists(path, done),
  );
}

/** Does it for each name, many at a time, and gives the results by name. It ends at the first that fails. */
export async function forEachName<T>(
  call: NodeCall,
  names: Iterable<string>,
  read: (call: NodeCall, name: string) => Promise<T>,
): Promise<Map<string, T>> {
  // One listener on the caller's signal for all, and an end for those under way when one fails.
  const scope = createController();
  const onAbort = () => scope.abort(call.signal.reason);
  if (call.signal.aborted) onAbort();
  call.signal.addEventListener('abort', onAbort, { once: true });
  const results = new Map<string, T>();
  const rest = names[Symbol.iterator]();
  const inner = { ...call, signal: scope.signal };
  const work = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      // oxlint-disable-next-line no-await-in-loop -- this is one of the many
      results.set(next.value, await read(inner, next.value));
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return results;
  } finally {
    call.signal.removeEventListener('abort', onAbort);
  }
}

/** Enough to fill the way to the server and back; more would only make other calls wait. */
const AT_A_TIME = 128;

/** How often a node may come or go between two steps before that is an error. */
const TURNS = 5;

const NOTHING = Buffer.alloc(0);

/** Makes a lasting node, and those above it, where they are missing. */
async function ensure(call: NodeCall, path: string, acl: readonly ACL[]): Promise<void> {
  try {
    await create(call, path, NOTHING, acl, CreateMode.PERSISTENT);
  } catch (error) {
    const code = zookeeperCode(error);
    if (code === Exception.NODE_EXISTS) return;
    if (code !== Exception.NO_NODE || parentOf(path) === '') throw error;
    await ensure(call, parentOf(path), acl);
    await ensure(call, path, acl);
  }
}

async function create(
  call: NodeCall,
  path: string,
  data: Buffer,
  acl: readonly ACL[],
  mode: number,
): Promise<void> {
  await request<string>(call, (client, done) => client.create(path, data, acl, mode, done));
}

function request<T>(
  { connection, doing, signal }: NodeCall,
  run: Parameters<typeof connection.call<T>>[2],
): Promise<T> {
  return connection.call<T>(doing, signal, run);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
