import {
  abortError,
  type CallOptions,
  type Lease,
  RegistryError,
  SharedAttempt,
  createController,
} from '@rollcall/core';
import type { Address } from '@rollcall/core/dialects';
import { readTls, type TlsOptions } from '@rollcall/core/network';
import { Connection, type SessionTicket } from './connection.ts';

export interface SessionOptions {
  readonly hosts: readonly Address[];
  readonly digest?: string | undefined;
  readonly tls?: TlsOptions | undefined;
}

/**
 * One session with ZooKeeper: what ephemeral nodes hang on. It outlives its connections: when one ends, the next use
 * makes another, with the next server, and resumes the session there.
 */
export class Session implements Lease {
  /** The timeout that was asked for, in milliseconds. */
  readonly requestedMs: number;
  /** Whether entries were written in it. */
  isHome = false;
  readonly #options: SessionOptions;
  readonly #lost = createController();
  readonly #attempt = new SharedAttempt((signal) => this.#connect(signal));
  #ticket: SessionTicket | undefined;
  #connection: Connection | undefined;
  #next: number;
  #grantedMs: number;
  readonly #closing = createController();
  #users = 0;
  #isRetired = false;

  constructor(options: SessionOptions, requestedMs: number) {
    this.#options = options;
    this.requestedMs = requestedMs;
    this.#grantedMs = requestedMs;
    // Processes that start together don't all take the first server.
    this.#next = Math.floor(Math.random() * options.hosts.length);
  }

  get ttlMs(): number {
    return this.#grantedMs;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** A request that the server answers proves this client alive, as every request does. */
  async renew({ signal }: CallOptions): Promise<void> {
    const doing = 'renew the session in ZooKeeper';
    const connection = await this.connection(doing, signal);
    await connection.call(doing, signal, (client, done) => client.exists('/', done));
  }

  /**
   * The connection that works, or a new one.
   *
   * @throws {RegistryError} `LEASE_LOST` when the session has expired.
   */
  async connection(doing: string, signal: AbortSignal): Promise<Connection> {
    if (signal.aborted) throw abortError(signal, doing);
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
    if (this.lost.aborted) throw this.lost.reason;
    if (this.#connection) return this.#connection;
    return await this.#attempt.join(signal).catch((error: unknown) => {
      throw signal.aborted ? abortError(signal, doing) : error;
    });
  }

  /** Counts a use that a retired session waits for. The function that it gives ends the use. */
  use(): () => void {
    this.#users++;
    return () => {
      this.#users--;
      this.#closeWhenUnused();
    };
  }

  /** Closes it when its last use ends. */
  retire(): void {
    this.#isRetired = true;
    this.#closeWhenUnused();
  }

  /** Ends the connection; what was written in the session stays until its timeout has passed. */
  close(error: RegistryError): void {
    this.#closing.abort(error);
    this.#connection?.close(error);
  }

  #closeWhenUnused(): void {
    if (this.#isRetired && this.#users === 0)
      this.close(new RegistryError('UNAVAILABLE', 'the session was replaced by another'));
  }

  /** Tries each server once. */
  async #connect(signal: AbortSignal): Promise<Connection> {
    const doing = 'connect to ZooKeeper';
    const { hosts, digest, tls: tlsOptions } = this.#options;
    const eachMs = Math.max(MIN_CONNECT_MS, MAX_CONNECT_MS / hosts.length);
    const closing = this.#closing.signal;
    const tls = tlsOptions && (await readTls(tlsOptions, signal));
    let failure: unknown;
    for (let tries = 0; tries < hosts.length; tries++) {
      const host = hosts[this.#next++ % hosts.length] as Address;
      const deadline = AbortSignal.timeout(eachMs);
      const options = { host, digest, tls, timeoutMs: this.requestedMs, ticket: this.#ticket };
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next server is for when this one failed
        const connection = await Connection.open(
          options,
          doing,
          AbortSignal.any([signal, deadline, closing]),
        );
        if (closing.aborted) connection.close(closing.reason);
        return this.#take(connection);
      } catch (error) {
        if (error instanceof RegistryError && error.code === 'LEASE_LOST') this.#lost.abort(error);
        if (this.lost.aborted || signal.aborted || closing.aborted) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #take(connection: Connection): Connection {
    if (connection.ended.aborted) throw connection.ended.reason;
    this.#ticket = connection.ticket;
    this.#grantedMs = connection.timeoutMs;
    this.#connection = connection;
    // The server that was left in trouble isn't the first that is tried.
    connection.ended.addEventListener('abort', () => (this.#connection = undefined), { once: true });
    return connection;
  }
}

/** How long connecting and shaking hands may take, with all servers and at least with each. */
const MAX_CONNECT_MS = 9_000;
const MIN_CONNECT_MS = 1_500;
