import { createServer, connect, type Server, type Socket } from 'node:net';

export interface TcpProxyOptions {
  readonly targetHost: string;
  readonly targetPort: number;
  /** The port to listen on, on 127.0.0.1. Defaults to a free one. */
  readonly port?: number;
}

/** A proxy that passes bytes until it is told to misbehave. */
export interface TcpProxy {
  readonly port: number;
  /** Open connections of clients. */
  readonly connections: number;
  /** Destroys every connection and refuses new ones. */
  cut(): Promise<void>;
  /**
   * Accepts connections and keeps all open, but passes nothing either way: no byte, no end, no reset. This is what a
   * network does that drops packets.
   */
  blackhole(): void;
  /** Passes everything again. What a black hole held back is delivered, and ends that happened meanwhile show. */
  restore(): Promise<void>;
  /** Holds every chunk back by this many milliseconds, each way; 0 ends it. The order stays. */
  addLatency(ms: number): void;
  /** Destroys every connection and frees the port. */
  stop(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 in front of a server, for tests of faults in the network. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const weather: Weather = { blackholed: false, latencyMs: 0 };
  const links = new Set<Link>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const link = new Link(client, options, weather, () => links.delete(link));
    links.add(link);
    link.look();
  });
  const port = await listen(server, options.port ?? 0);

  const closeAll = async (): Promise<void> => {
    for (const link of links) link.destroy();
    if (!server.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  const lookAll = (): void => {
    for (const link of links) link.look();
  };

  return {
    port,
    get connections() {
      return links.size;
    },
    cut: closeAll,
    blackhole() {
      weather.blackholed = true;
      lookAll();
    },
    async restore() {
      weather.blackholed = false;
      if (!server.listening) await listen(server, port);
      lookAll();
    },
    addLatency(ms) {
      weather.latencyMs = ms;
    },
    stop: closeAll,
  };
}

interface Weather {
  blackholed: boolean;
  latencyMs: number;
}

/** One client's connection and the one to the target, which is made when bytes may pass. */
class Link {
  readonly #client: Socket;
  readonly #options: TcpProxyOptions;
  readonly #weather: Weather;
  readonly #onGone: () => void;
  #target: Socket | undefined;
  #lanes: readonly Lane[] = [];
  #broken = false;

  constructor(client: Socket, options: TcpProxyOptions, weather: Weather, onGone: () => void) {
    this.#client = client;
    this.#options = options;
    this.#weather = weather;
    this.#onGone = onGone;
    this.#watch(client);
  }

  /** Goes on as the weather allows. */
  look(): void {
    if (!this.#weather.blackholed) {
      if (this.#broken) {
        this.destroy();
        return;
      }
      if (this.#target === undefined) this.#connect();
    }
    for (const lane of this.#lanes) lane.look();
  }

  destroy(): void {
    for (const lane of this.#lanes) lane.stop();
    this.#client.destroy();
    this.#target?.destroy();
    this.#onGone();
  }

  #connect(): void {
    const { targetHost: host, targetPort: port } = this.#options;
    const target = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#client.setNoDelay(true);
    this.#watch(target);
    this.#target = target;
    this.#lanes = [
      new Lane(this.#client, target, this.#weather),
      new Lane(target, this.#client, this.#weather),
    ];
  }

  #watch(socket: Socket): void {
    socket.on('error', () => undefined); // 'close' follows
    socket.once('close', (hadError) => {
      if (this.#weather.blackholed) {
        this.#broken = true;
        return;
      }
      const bothGone = this.#client.destroyed && (this.#target?.destroyed ?? true);
      // A regular close of one side has passed on its end; the other side may still have something to say.
      if (hadError || bothGone || !socket.readableEnded) this.destroy();
    });
  }
}

/** One direction of a link: what was read and waits for its time. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  /** `null` is the end. */
  readonly #waiting: { readonly chunk: Buffer | null; readonly dueAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #full = false;

  constructor(from: Socket, to: Socket, weather: Weather) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    from.on('data', (chunk: Buffer) => this.#push(chunk));
    from.once('end', () => this.#push(null));
    to.on('drain', () => {
      this.#full = false;
      this.look();
    });
  }

  look(): void {
    clearTimeout(this.#timer);
    if (this.#weather.blackholed) {
      this.#from.pause();
      return;
    }
    for (let next = this.#waiting[0]; next !== undefined && !this.#full; next = this.#waiting[0]) {
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.look(), waitMs);
        break;
      }
      this.#waiting.shift();
      if (next.chunk === null) this.#to.end();
      else this.#full = !this.#to.write(next.chunk);
    }
    // The target's pace is the client's pace: nothing is read that can't be passed on.
    if (this.#full) this.#from.pause();
    else this.#from.resume();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #push(chunk: Buffer | null): void {
    this.#waiting.push({ chunk, dueAt: performance.now() + this.#weather.latencyMs });
    this.look();
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the proxy has no port'));
      else resolve(address.port);
    });
  });
}
