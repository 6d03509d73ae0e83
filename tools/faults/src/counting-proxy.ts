import { connect, createServer, type Server, type Socket } from 'node:net';
import { machineNow } from './machine-clock.ts';
import { requestCounter, type Wire } from './wire.ts';

/** What clients did, as times of the machine's clock. */
export interface Traffic {
  readonly connections: readonly number[];
  readonly requests: readonly number[];
}

/** A proxy that counts: it takes every connection, also while nobody serves behind it, and ends it then. */
export class CountingProxy {
  readonly port: number;
  readonly #servers: readonly Server[];
  readonly #open: Set<Socket>;
  readonly #traffic: Traffic;

  static async open(
    target: number,
    ports: readonly { readonly offset: number; readonly wire: Wire }[],
  ): Promise<CountingProxy> {
    const traffic = { connections: [] as number[], requests: [] as number[] };
    const open = new Set<Socket>();
    for (let tries = 1; ; tries++) {
      const port = PORTS.lowest + Math.floor(Math.random() * (PORTS.highest - PORTS.lowest));
      const servers = ports.map(({ offset, wire }) =>
        createServer({ noDelay: true }, (client) => {
          traffic.connections.push(machineNow());
          const counter = requestCounter(wire);
          client.on('data', (chunk) => {
            const at = machineNow();
            for (let count = counter.add(chunk); count > 0; count--) traffic.requests.push(at);
          });
          const onward = connect({ host: '127.0.0.1', port: target + offset, noDelay: true });
          for (const [socket, other] of [
            [client, onward],
            [onward, client],
          ] as const) {
            open.add(socket);
            socket.on('error', () => {}); // 'close' follows
            socket.once('close', () => {
              open.delete(socket);
              other.destroy();
            });
            socket.pipe(other);
          }
        }),
      );
      try {
        // oxlint-disable-next-line no-await-in-loop -- another try is for a port that is taken
        await Promise.all(servers.map((server, i) => listen(server, port + (ports[i]?.offset ?? 0))));
        return new CountingProxy(port, servers, open, traffic);
      } catch (error) {
        for (const server of servers) server.close();
        if (tries === TRIES) throw error;
      }
    }
  }

  private constructor(port: number, servers: readonly Server[], open: Set<Socket>, traffic: Traffic) {
    this.port = port;
    this.#servers = servers;
    this.#open = open;
    this.#traffic = traffic;
  }

  get traffic(): Traffic {
    return this.#traffic;
  }

  stop(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#open) socket.destroy();
  }
}

/** The most of these that lie within any one second, from one time to another. */
export function busiestSecond(times: readonly number[], from: number, to: number): number {
  const within = times.filter((at) => at >= from && at < to).toSorted((a, b) => a - b);
  let most = 0;
  for (let last = 0, first = 0; last < within.length; last++) {
    while ((within[last] ?? 0) - (within[first] ?? 0) >= 1_000) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** As for {@link Front}, and apart from those. */
const PORTS = { lowest: 6_000, highest: 9_900 };
const TRIES = 50;
/** A thousand clients may come in one instant. */
const BACKLOG = 4_096;

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
