// The library has no types: a program that reads this file from source needs ours.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./node-zookeeper-client.d.ts" />
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { abortError, RegistryError, createController } from '@rollcall/core';
import { type Address, formatAddress } from '@rollcall/core/dialects';
import type { TlsFiles } from '@rollcall/core/network';
import { type Client, type ConnectionManager, createClient } from 'node-zookeeper-client';
import { Frames } from './frames.ts';
import { explain } from './zookeeper-error.ts';

/** What names a session to every server, and proves that it is ours. */
export interface SessionTicket {
  readonly id: Buffer;
  readonly password: Buffer;
}

export interface ConnectOptions {
  readonly host: Address;
  /** The session's timeout that is asked for, in milliseconds. */
  readonly timeoutMs: number;
  /** Resumes that session; without it a new one begins. */
  readonly ticket?: SessionTicket | undefined;
  /** `user:password` */
  readonly digest?: string | undefined;
  /** With it the connection is TLS. */
  readonly tls?: TlsFiles | undefined;
}

/** Receives a callback in the manner of the library. */
type Run<T> = (client: Client, done: (error: Error | null | undefined, value: T) => void) => void;

/**
 * One connection to one server, from its handshake to its first trouble, and one client of node-zookeeper-client for it.
 *
 * The library has no deadline, connects again by itself with half a packet of the old connection in its buffer, throws
 * inside its socket's listeners, and never calls back after a session expired. So it is not let connect again: whatever
 * happens, this connection ends, every call under way rejects, and the session goes on with another one.
 */
export class Connection {
  readonly ticket: SessionTicket;
  /** The session's timeout that the server granted, in milliseconds. */
  readonly timeoutMs: number;
  readonly #client: Client;
  readonly #name: string;
  readonly #ended: AbortController;
  readonly #calls = new Set<(error: RegistryError) => void>();
  readonly #listeners = new Set<(path: string) => void>();
  readonly #beat: NodeJS.Timeout;
  #probe: NodeJS.Timeout | undefined;

  /** @throws {RegistryError} `LEASE_LOST` when the session that was to be resumed is gone. */
  static open(options: ConnectOptions, doing: string, signal: AbortSignal): Promise<Connection> {
    const { host, timeoutMs, ticket, digest } = options;
    const name = formatAddress(host);
    const ended = createController();
    // A placeholder: the library's own parser of addresses doesn't know IPv6.
    const client = createClient('host', {
      sessionTimeout: timeoutMs,
      retries: 0,
      ...(ticket && { sessionId: ticket.id, sessionPassword: ticket.password }),
    });
    if (digest !== undefined) client.addAuthInfo('digest', Buffer.from(digest));
    const end = (error: RegistryError) => {
      if (ended.signal.aborted) return;
      client.connectionManager.socket?.destroy();
      ended.abort(error);
    };
    supervise(client, name, end);
    connectBy(client.connectionManager, options);

    return new Promise((resolve, reject) => {
      const settle = () => {
        signal.removeEventListener('abort', onAbort);
        ended.signal.removeEventListener('abort', onEnd);
      };
      const onEnd = () => {
        settle();
        reject(ended.signal.reason);
      };
      const onAbort = () => end(abortError(signal, doing));
      ended.signal.addEventListener('abort', onEnd, { once: true });
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      client.once('connected', () => {
        settle();
        resolve(new Connection(client, name, ended, end));
      });
      client.connect();
    });
  }

  readonly #end: (error: RegistryError) => void;

  private constructor(
    client: Client,
    name: string,
    ended: AbortController,
    end: (error: RegistryError) => void,
  ) {
    this.#client = client;
    this.#name = name;
    this.#ended = ended;
    this.#end = end;
    this.ticket = { id: client.getSessionId(), password: client.getSessionPassword() };
    this.timeoutMs = client.getSessionTimeout();
    // With an answer awaited for as long again, a server that went silent is left before the session expires.
    const thirdMs = this.timeoutMs / 3;
    this.#beat = setInterval(() => this.#look(thirdMs), thirdMs);
    this.#beat.unref();
    ended.signal.addEventListener('abort', () => this.#onEnd(), { once: true });
  }

  /** Aborts with a `RegistryError` when the connection is of no use any more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Ends it, and leaves the session to itself: its timeout runs from now on. */
  close(error: RegistryError): void {
    this.#end(error);
  }

  /** Makes one request. It rejects with a `RegistryError` when the signal aborts or the connection ends. */
  call<T>(doing: string, signal: AbortSignal, run: Run<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        signal.removeEventListener('abort', onAbort);
        this.#calls.delete(fail);
      };
      const fail = (error: RegistryError) => {
        settle();
        reject(error);
      };
      const onAbort = () => {
        fail(abortError(signal, doing));
        // The call was too slow, or nobody is there any more.
        this.#look(PROBE_MS);
      };
      if (signal.aborted) {
        reject(abortError(signal, doing));
        return;
      }
      if (this.ended.aborted) {
        reject(this.ended.reason);
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#calls.add(fail);
      try {
        run(this.#client, (error, value) => {
          settle();
          if (error) reject(explain(error, doing, this.#name));
          else resolve(value);
        });
      } catch (error) {
        fail(explain(error, doing, this.#name));
      }
    });
  }

  /** Calls the listener with the path of each watch that fires, whoever set it. The function that it gives ends that. */
  onEvent(listener: (path: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Given to every request that sets a watch. One function for all, as the library keeps each different one until its
   * path fires.
   */
  readonly watcher = ({ path }: { readonly path: string }): void => {
    for (const listener of this.#listeners) listener(path);
  };

  /** Ends the connection when the server answers nothing within that time. */
  #look(withinMs: number): void {
    if (this.#probe || this.ended.aborted) return;
    const late = () =>
      this.#end(
        new RegistryError(
          'UNAVAILABLE',
          `ZooKeeper at ${this.#name} did not answer for ${Math.round(withinMs)} ms`,
        ),
      );
    this.#probe = setTimeout(late, withinMs);
    this.#probe.unref();
    this.#client.exists('/', () => {
      clearTimeout(this.#probe);
      this.#probe = undefined;
    });
  }

  #onEnd(): void {
    clearInterval(this.#beat);
    clearTimeout(this.#probe);
    const { reason } = this.ended;
    for (const fail of this.#calls) fail(reason);
    this.#listeners.clear();
  }
}

/** How long a server may be silent after a call that it didn't answer in time. */
const PROBE_MS = 1_000;

/** The library's own number for that state. */
const CONNECTING = 1;

/** The library makes plain sockets only, to addresses that its parser knows; so it gets a socket that is made here. */
function connectBy(manager: ConnectionManager, { host: { host, port }, tls: files }: ConnectOptions): void {
  manager.connect = () => {
    manager.setState(CONNECTING);
    const socket = files ? connectTls(host, port, files) : connectTcp({ host, port });
    socket.setNoDelay();
    socket.on(files ? 'secureConnect' : 'connect', () => manager.onSocketConnected());
    socket.on('data', (chunk) => manager.onSocketData(chunk));
    socket.on('drain', () => manager.onSocketDrain());
    socket.on('close', () => manager.onSocketClosed());
    socket.on('error', (error) => manager.onSocketError(error));
    manager.socket = socket;
  };
}

function connectTls(host: string, port: number, { ca, cert, key, serverName }: TlsFiles): Socket {
  // A name is asked for by name; Node refuses an address there.
  const asked = serverName ?? (isIP(host) === 0 ? host : undefined);
  return connectSecurely({
    host,
    port,
    ...(asked !== undefined && { servername: asked }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  });
}

/** Puts what the library does at trouble into our hands. Its listeners are bound to these members when it connects. */
function supervise(client: Client, name: string, end: (error: RegistryError) => void): void {
  const manager = client.connectionManager;
  const unreachable = (what: string, cause?: Error) =>
    new RegistryError(
      'UNAVAILABLE',
      `ZooKeeper at ${name} ${what}: is it running, reachable and, of several, the majority?`,
      { cause },
    );
  manager.onSocketError = (error) =>
    end(unreachable(`can't be reached (${'code' in error ? String(error.code) : error.name})`, error));
  manager.onSocketClosed = () => end(unreachable('closed the connection'));
  const readPacket = manager.onSocketData.bind(manager);
  const frames = new Frames();
  manager.onSocketData = (chunk) => {
    try {
      for (const packet of frames.add(chunk)) readPacket(packet);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      end(
        new RegistryError('PROTOCOL', `ZooKeeper at ${name} sent what can't be read: ${why}`, {
          cause: error,
        }),
      );
    }
  };
  client.once('expired', () =>
    end(new RegistryError('LEASE_LOST', 'the session in ZooKeeper expired; register again')),
  );
  client.once('authenticationFailed', () =>
    end(
      new RegistryError(
        'UNAUTHENTICATED',
        `ZooKeeper at ${name} refused the user; check username and password`,
      ),
    ),
  );
}
