import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { setImmediate as nextImmediate } from 'node:timers/promises';
import { observeCalls, observeEvents } from './observe-events.ts';
import { isHttp2, schemeOf } from './server-kind.ts';
import type { WayOut } from './way-out.ts';

/** What `node:http` and `node:https` servers have on top of `net.Server`. */
type MaybeHttp1 = Server & { closeIdleConnections?(): void; closeAllConnections?(): void };

export interface HttpWayOutOptions {
  readonly server: Server;
  readonly closeApplication: (() => unknown) | undefined;
  /** See `AnnounceSpec.lingerMs`. */
  readonly lingerMs: number;
  /** Told when somebody else closes the server. */
  readonly onClosing: () => void;
}

/**
 * How an HTTP server leaves without a request that fails.
 *
 * The trap is a kept connection: HTTP/1.1 lets either side close an idle one at any time, and a request that is on its way
 * in that moment is lost (RFC 9112, section 9.5). So nothing is closed that a caller may be about to use: every answer says
 * `connection: close`, which makes the caller let go of it, and a connection on which nothing happens stays open a while
 * longer. HTTP/2 has GOAWAY for that: it names the last stream that is served.
 */
export class HttpWayOut implements WayOut {
  readonly #options: HttpWayOutOptions;
  readonly #server: MaybeHttp1;
  readonly #exchanges = new Map<ServerResponse, Socket>();
  readonly #upgraded = new Set<Duplex>();
  readonly #streams = new Set<ServerHttp2Stream>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** HTTP/1.1 connections that have sent no request yet. Node takes them for busy and never closes them. */
  readonly #unused = new Set<Socket>();
  /** TLS handshakes that haven't ended, by the peer's address: what comes out of one is another object. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #release: readonly (() => void)[];
  readonly #waiting = new Set<() => void>();
  #isLeaving = false;
  #hasStopped = false;
  #isClosed = false;
  /** Whether connections had the time to be used once more. */
  #hasLingered = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  #cut = 0;

  constructor(options: HttpWayOutOptions) {
    const { server, onClosing } = options;
    this.#options = options;
    this.#server = server;
    this.#release = [
      observeEvents(server, (event, args) => this.#see(event, args)),
      observeCalls(server as unknown as Record<'close', () => unknown>, 'close', () => {
        if (!this.#hasStopped) onClosing();
      }),
    ];
  }

  get underWay(): number {
    return this.#exchanges.size + this.#streams.size + this.#upgraded.size;
  }

  get cut(): number {
    return this.#cut;
  }

  get wasCut(): boolean {
    return this.#cut > 0;
  }

  leave(): void {
    this.#isLeaving = true;
    for (const response of this.#exchanges.keys()) askToClose(response);
  }

  async stopAccepting(): Promise<void> {
    this.leave();
    if (this.#hasStopped) return;
    this.#hasStopped = true;
    // The system resets connections that it has taken but we haven't: immediates run right after those were fetched.
    await nextImmediate();
    if (this.#server.listening) this.#closeListener();
    for (const session of this.#sessions) session.close();
    this.#linger();
  }

  async finish(cut: AbortSignal): Promise<void> {
    const { closeApplication } = this.#options;
    const onCut = () => this.#cutAll();
    cut.addEventListener('abort', onCut, { once: true });
    if (cut.aborted) onCut();
    try {
      // An application answers 503, or ends what its handlers need, as soon as it is told to close.
      await this.#until(() => this.#isClosed || this.#isQuiet());
      if (closeApplication) await closeApplication();
      await this.#until(() => this.#isClosed);
    } finally {
      cut.removeEventListener('abort', onCut);
      this.#endLinger();
    }
  }

  release(): void {
    for (const end of this.#release) end();
    this.#endLinger();
  }

  /** `close()` would close idle connections in the same breath, a request on its way or not. */
  #closeListener(): void {
    const server = this.#server;
    if (!server.closeIdleConnections) {
      server.close();
      return;
    }
    server.closeIdleConnections = () => {};
    try {
      server.close();
    } finally {
      delete server.closeIdleConnections;
    }
  }

  #isQuiet(): boolean {
    return this.#hasLingered && this.#exchanges.size === 0 && this.#streams.size === 0;
  }

  #see(event: string | symbol, args: readonly unknown[]): void {
    switch (event) {
      case 'connection':
        this.#onConnection(args[0] as Socket);
        break;
      case 'secureConnection':
        this.#onSecureConnection(args[0] as TLSSocket);
        break;
      case 'request':
      case 'checkContinue':
      case 'checkExpectation':
        this.#onRequest(args[0] as IncomingMessage, args[1] as ServerResponse);
        break;
      case 'upgrade':
      case 'connect':
        this.#onUpgrade(args[1] as Duplex);
        break;
      case 'session':
        this.#onSession(args[0] as ServerHttp2Session);
        break;
      case 'stream':
        this.#keep(this.#streams, args[0] as ServerHttp2Stream);
        break;
      case 'close':
        this.#isClosed = true;
        this.#notify();
        break;
    }
  }

  #onConnection(socket: Socket): void {
    if (schemeOf(this.#server) === 'https') {
      const peer = peerOf(socket);
      this.#handshakes.set(peer, socket);
      socket.once('close', () => {
        if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
      });
    } else if (!isHttp2(this.#server)) {
      this.#keep(this.#unused, socket);
    }
  }

  #onSecureConnection(socket: TLSSocket): void {
    this.#handshakes.delete(peerOf(socket));
    if (socket.alpnProtocol !== 'h2') this.#keep(this.#unused, socket);
  }

  #onSession(session: ServerHttp2Session): void {
    this.#keep(this.#sessions, session);
    if (this.#hasStopped) session.close();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    // HTTP/2 requests are told as streams.
    if (request.httpVersionMajor !== 1) return;
    this.#unused.delete(request.socket);
    // One with `expect: 100-continue` may be told twice.
    if (this.#exchanges.has(response)) return;
    this.#exchanges.set(response, request.socket);
    response.once('close', () => {
      this.#exchanges.delete(response);
      // It promised to keep the connection before the server was told to leave: the next request may be on its way.
      if (this.#hasStopped && response.shouldKeepAlive) this.#linger();
      this.#notify();
    });
    if (this.#isLeaving) askToClose(response);
  }

  #onUpgrade(socket: Duplex): void {
    this.#unused.delete(socket as Socket);
    this.#keep(this.#upgraded, socket);
  }

  #keep<T extends { once(event: 'close', listener: () => void): unknown }>(set: Set<T>, item: T): void {
    set.add(item);
    item.once('close', () => {
      set.delete(item);
      this.#notify();
    });
  }

  #linger(): void {
    clearTimeout(this.#lingerTimer);
    this.#hasLingered = false;
    this.#lingerTimer = setTimeout(() => {
      // What has arrived is read before immediates run: a connection that is still idle then has had no request.
      setImmediate(() => {
        this.#hasLingered = true;
        this.#closeIdle();
        this.#notify();
      });
    }, this.#options.lingerMs);
  }

  #endLinger(): void {
    clearTimeout(this.#lingerTimer);
    this.#hasLingered = true;
  }

  #closeIdle(): void {
    this.#server.closeIdleConnections?.();
    for (const socket of [...this.#unused, ...this.#handshakes.values()]) socket.destroy();
  }

  #cutAll(): void {
    this.#cut += this.underWay;
    this.#endLinger();
    const sockets = [...this.#exchanges.values(), ...this.#upgraded];
    for (const socket of sockets) socket.destroy();
    for (const session of this.#sessions) session.destroy();
    this.#closeIdle();
    this.#server.closeAllConnections?.();
    this.#notify();
  }

  #until(check: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!check()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #notify(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Node then says `connection: close`, and closes it after the answer. Once the headers are out it is too late. */
function askToClose(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
