// The library has no types: these are the adapter's.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="../../../packages/zookeeper/src/node-zookeeper-client.d.ts" />
import { once } from 'node:events';
import { promisify } from 'node:util';
import { ACL, type Client, createClient, CreateMode, Exception, type Stat } from 'node-zookeeper-client';
import * as library from 'node-zookeeper-client';

declare module 'node-zookeeper-client' {
  interface Client {
    setACL(
      path: string,
      acls: readonly ACL[],
      version: number,
      callback: (error: Error | null | undefined, stat: Stat) => void,
    ): void;
  }
}

export interface OperatorOptions {
  /** Users of the scheme digest that the operator is, all at once, each as `name:password`. */
  readonly users?: readonly string[];
  /** How long connecting may take, in milliseconds. Defaults to 10 000. */
  readonly withinMs?: number;
}

/** What an operator does with ZooKeeper, by a client of his own. */
export class ZooKeeperOperator {
  readonly #client: Client;

  /** @param endpoints `host:port`, or several with commas. */
  static async connect(
    endpoints: string,
    { users = [], withinMs = 10_000 }: OperatorOptions = {},
  ): Promise<ZooKeeperOperator> {
    const client = createClient(endpoints, { sessionTimeout: 30_000 });
    for (const user of users) client.addAuthInfo('digest', Buffer.from(user));
    client.connect();
    try {
      await once(client, 'connected', { signal: AbortSignal.timeout(withinMs) });
    } catch (error) {
      client.close();
      throw new Error(`ZooKeeper at ${endpoints} let no operator in within ${withinMs} ms`, { cause: error });
    }
    return new ZooKeeperOperator(client);
  }

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Writes a lasting node that everybody may change, and those above it. */
  async write(path: string, content: string): Promise<void> {
    const parts = path.split('/').slice(1);
    const create = promisify(this.#client.create.bind(this.#client));
    for (const [i] of parts.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- each needs the one above it
      await create(
        `/${parts.slice(0, i + 1).join('/')}`,
        Buffer.from(''),
        ACL.OPEN_ACL_UNSAFE,
        CreateMode.PERSISTENT,
      ).catch(unless(Exception.NODE_EXISTS));
    }
    await promisify(this.#client.setData.bind(this.#client))(path, Buffer.from(content), -1);
  }

  /** Gives the node to this operator's users: nobody else may see what is below it, or add to it. */
  async take(path: string): Promise<void> {
    await promisify(this.#client.setACL.bind(this.#client))(path, ACL.CREATOR_ALL_ACL, -1);
  }

  /** Sets a node's access list, as `setAcl` of zkCli.sh does: `digest:ci:…:cd,auth::cdrwa`. */
  async setAcl(path: string, list: string): Promise<void> {
    const acls = list.split(',').map((entry) => {
      const [scheme = '', ...rest] = entry.split(':');
      const rights = rest.pop() ?? '';
      const bits = rights.split('').reduce((sum, right) => sum | (RIGHTS[right] ?? 0), 0);
      return new Entry(bits, new Id(scheme, rest.join(':')));
    });
    await promisify(this.#client.setACL.bind(this.#client))(path, acls, -1);
  }

  async remove(path: string): Promise<void> {
    await promisify(this.#client.remove.bind(this.#client))(path, -1);
  }

  /** The session that an ephemeral node hangs on, in hexadecimal; {@link NO_SESSION} for a lasting one. */
  async ownerOf(path: string): Promise<string | undefined> {
    return await new Promise((resolve, reject) => {
      this.#client.exists(path, (error, stat) =>
        error ? reject(error) : resolve(stat?.ephemeralOwner.toString('hex')),
      );
    });
  }

  async read(path: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      this.#client.getData(path, (error, data) => (error ? reject(error) : resolve(String(data))));
    });
  }

  /** The names below a node; none for one that isn't there. */
  async namesBelow(path: string): Promise<readonly string[]> {
    return await new Promise((resolve, reject) => {
      this.#client.getChildren(path, (error, names) => {
        if (error instanceof Exception && error.code === Exception.NO_NODE) resolve([]);
        else if (error) reject(error);
        else resolve(names);
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** What the adapter, whose types these are, has no need of. */
const { ACL: Entry, Id } = library as unknown as {
  readonly ACL: new (rights: number, id: object) => ACL;
  readonly Id: new (scheme: string, id: string) => object;
};

const RIGHTS: Readonly<Record<string, number>> = { r: 1, w: 2, c: 4, d: 8, a: 16 };

export const NO_SESSION = '0000000000000000';

/** Ends a session behind its owner's back, as its owner would. */
export async function endZooKeeperSession(endpoint: string, session: string): Promise<void> {
  const sessionId = Buffer.from(session, 'hex');
  const thief = createClient(endpoint, {
    sessionTimeout: 30_000,
    sessionId,
    sessionPassword: passwordOf(sessionId),
  });
  thief.connect();
  await once(thief, 'connected', { signal: AbortSignal.timeout(10_000) });
  const { socket } = thief.connectionManager;
  const closed = socket && once(socket, 'close');
  thief.close();
  await closed;
}

/**
 * The first 16 bytes of `java.util.Random` seeded with the id and a constant: ZooKeeper's own way, in
 * `SessionTrackerImpl` and `ZooKeeperServer.generatePasswd`.
 */
function passwordOf(sessionId: Buffer): Buffer {
  const mask = (1n << 48n) - 1n;
  let seed = (sessionId.readBigInt64BE() ^ 0xb3415c00n ^ 0x5deece66dn) & mask;
  const password = Buffer.alloc(16);
  for (let i = 0; i < 16; i += 4) {
    seed = (seed * 0x5deece66dn + 0xbn) & mask;
    password.writeInt32LE(Number(BigInt.asIntN(32, seed >> 16n)), i);
  }
  return password;
}

function unless(code: number): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Exception && error.code === code)) throw error;
  };
}
