import { once } from 'node:events';
import { promisify } from 'node:util';
import { encodeSegment, type InstanceKey } from '@rollcall/core';
import { ACL, type Client, createClient, CreateMode, Exception } from 'node-zookeeper-client';

/** What an operator does with ZooKeeper, by a client of his own. */
export class Operator {
  readonly #client: Client;

  static async connect(endpoint: string): Promise<Operator> {
    const client = createClient(endpoint, { sessionTimeout: 30_000 });
    client.connect();
    await once(client, 'connected');
    return new Operator(client);
  }

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Writes a lasting node, and those above it. */
  async write(path: string, content: string): Promise<void> {
    const parts = path.split('/').slice(1);
    const create = promisify(this.#client.create.bind(this.#client));
    for (const [i] of parts.entries()) {
      await create(
        `/${parts.slice(0, i + 1).join('/')}`,
        Buffer.from(''),
        ACL.OPEN_ACL_UNSAFE,
        CreateMode.PERSISTENT,
      ).catch(unless(Exception.NODE_EXISTS));
    }
    await promisify(this.#client.setData.bind(this.#client))(path, Buffer.from(content), -1);
  }

  async remove(path: string): Promise<void> {
    await promisify(this.#client.remove.bind(this.#client))(path, -1);
  }

  /** The session that an ephemeral node hangs on, in hexadecimal; `NOBODY` for a lasting one. */
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

  close(): void {
    this.#client.close();
  }
}

export const NOBODY = '0000000000000000';

/** Ends a session behind its owner's back, as its owner would. */
export async function killSession(endpoint: string, session: string): Promise<void> {
  const sessionId = Buffer.from(session, 'hex');
  const thief = createClient(endpoint, {
    sessionTimeout: 30_000,
    sessionId,
    sessionPassword: passwordOf(sessionId),
  });
  thief.connect();
  await once(thief, 'connected');
  const { socket } = thief.connectionManager;
  const closed = socket && once(socket, 'close');
  thief.close();
  await closed;
}

export function pathOf({ namespace, service, id }: InstanceKey): string {
  return `/rollcall/${[namespace, service, id].map(encodeSegment).join('/')}`;
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
