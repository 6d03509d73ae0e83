import { startTcpProxy, type TcpProxy } from '@rollcall-tools/registries';

/** Below what servers of the suite take, and what systems give to outgoing connections. */
const PORTS = { lowest: 11_000, highest: 18_000 };
const TRIES = 50;

/** A proxy in front of a server, with as many ports as the server has, at the same distances. */
export class Front {
  readonly port: number;
  readonly #offsets: readonly number[];
  #proxies: readonly TcpProxy[];

  static async open(target: number, offsets: readonly number[]): Promise<Front> {
    for (let tries = 1; ; tries++) {
      const port = PORTS.lowest + Math.floor(Math.random() * (PORTS.highest - PORTS.lowest));
      try {
        // oxlint-disable-next-line no-await-in-loop -- another try is for a port that is taken
        return new Front(port, offsets, await startAll(port, target, offsets));
      } catch (error) {
        if (tries === TRIES) throw error;
      }
    }
  }

  private constructor(port: number, offsets: readonly number[], proxies: readonly TcpProxy[]) {
    this.port = port;
    this.#offsets = offsets;
    this.#proxies = proxies;
  }

  /** Ends every connection and refuses new ones. */
  async cut(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.cut()));
  }

  /** Keeps every connection and passes nothing. */
  blackhole(): void {
    for (const proxy of this.#proxies) proxy.blackhole();
  }

  /** Passes everything again. */
  async restore(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.restore()));
  }

  /** Ends every connection, and leads new ones to another server. */
  async leadTo(target: number): Promise<void> {
    await this.stop();
    this.#proxies = await startAll(this.port, target, this.#offsets);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }
}

async function startAll(
  port: number,
  target: number,
  offsets: readonly number[],
): Promise<readonly TcpProxy[]> {
  const starts = await Promise.allSettled(
    offsets.map((offset) =>
      startTcpProxy({ targetHost: '127.0.0.1', targetPort: target + offset, port: port + offset }),
    ),
  );
  const proxies = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (!failed) return proxies;
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  throw failed.reason;
}
