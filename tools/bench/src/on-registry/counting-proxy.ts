import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { requestCounter, type Wire } from './client-requests.ts';

/** One port of a server: how far it is from the server's first one, and what is spoken there. */
export interface ServerPort {
  readonly offset: number;
  readonly wire: Wire;
}

/** Stands between one client and a server, and counts what the client asks. */
export class CountingProxy {
  /** Stands for the server's first port; its others are as far from it as the server's are. */
  readonly port: number;
  /** Since it was opened. */
  requests = 0;
  readonly #servers: readonly Server[];
  readonly #sockets = new Set<Socket>();

  /** @param target the server's first port on this machine. */
  static async open(target: number, ports: readonly ServerPort[]): Promise<CountingProxy> {
    let failure: unknown;
    for (let tries = 0; tries < TRIES; tries++) {
      const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
      const servers = ports.map(() => createServer({ noDelay: true }));
      try {
        // oxlint-disable-next-line no-await-in-loop -- another try is for a port that is taken
        await Promise.all(servers.map((server, i) => listen(server, port + (ports[i]?.offset ?? 0))));
      } catch (error) {
        failure = error;
        for (const server of servers) server.close();
        continue;
      }
      return new CountingProxy(port, servers, target, ports);
    }
    throw new Error(`no free port between ${LOWEST} and ${HIGHEST} for a proxy`, { cause: failure });
  }

  private constructor(
    port: number,
    servers: readonly Server[],
    target: number,
    ports: readonly ServerPort[],
  ) {
    this.port = port;
    this.#servers = servers;
    for (const [i, { offset, wire }] of ports.entries())
      servers[i]?.on('connection', (client) => this.#join(client, target + offset, wire));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = this.#servers.map((server) => once(server, 'close'));
    for (const server of this.#servers) server.close();
    await Promise.all(closed);
  }

  #join(client: Socket, target: number, wire: Wire): void {
    const count = requestCounter(wire);
    const server = connect({ host: HOST, port: target, noDelay: true });
    client.on('data', (chunk) => (this.requests += count(chunk)));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // 'close' follows
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

const HOST = '127.0.0.1';

/** Below what servers of the project and outgoing connections take. */
const LOWEST = 10_000;
const HIGHEST = 18_000;
const TRIES = 50;

async function listen(server: Server, port: number): Promise<void> {
  const listening = once(server, 'listening');
  server.listen({ port, host: HOST, exclusive: true });
  await listening;
}
