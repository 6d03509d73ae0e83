import { RegistryError } from './errors.ts';

export interface AdapterConnectionOptions<Connection> {
  /** The registry, as errors name it: `Consul`. */
  readonly registry: string;
  /** Lets go of a connection, in which calls may be under way: they fail with `why`. */
  readonly end: (connection: Connection, why: RegistryError) => void;
}

/**
 * What a client of a registry has from `open` to `close`, and what it says to a call that comes before or after.
 *
 * ```ts
 * readonly #connection = new AdapterConnection<Client>({ registry: 'Redis', end: (client, why) => client.end(why) });
 *
 * open(signal: AbortSignal) {
 *   return this.#connection.open(() => connect(this.#options, signal));
 * }
 * ```
 */
export class AdapterConnection<Connection extends object> {
  readonly #options: AdapterConnectionOptions<Connection>;
  #connection: Connection | undefined;
  #isClosed = false;

  constructor(options: AdapterConnectionOptions<Connection>) {
    this.#options = options;
  }

  /** @throws {RegistryError} `CLOSED` after `close`, `UNAVAILABLE` before `open`. */
  get current(): Connection {
    if (this.#isClosed) throw this.#closedError();
    if (this.#connection) return this.#connection;
    throw new RegistryError(
      'UNAVAILABLE',
      `the adapter of ${this.#options.registry} is not open: call open() first`,
    );
  }

  /**
   * Takes what `connect` makes, in place of what was there before.
   *
   * @throws {RegistryError} `CLOSED` when it was closed meanwhile; then what `connect` made is let go.
   */
  async open(connect: () => Promise<Connection>): Promise<void> {
    const { registry, end } = this.#options;
    this.#end(new RegistryError('UNAVAILABLE', `the adapter of ${registry} was opened anew`));
    this.#isClosed = false;
    const made = await connect();
    if (this.#isClosed) {
      end(made, this.#closedError());
      throw this.#closedError();
    }
    this.#connection = made;
  }

  /** Lets go of it. Never rejects; a second time does nothing. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#end(this.#closedError());
    return Promise.resolve();
  }

  #end(why: RegistryError): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection) this.#options.end(connection, why);
  }

  #closedError(): RegistryError {
    return new RegistryError('CLOSED', `the adapter of ${this.#options.registry} is closed`);
  }
}
