import { randomInt } from 'node:crypto';
import { abortError, RegistryError, SharedAttempt, toRegistryError } from '@rollcall/core';
import { Endpoint, type Rpc } from './endpoint.ts';
import { grpcToRegistryError, isEndpointFailure, isGrpcFailure, isTokenRefused } from './grpc-error.ts';
import type { ResolvedEtcdOptions } from './options.ts';
import { readCredentials } from './tls.ts';

/**
 * Calls etcd: one endpoint at a time, with a token where there is a user. It makes each call once per endpoint, and
 * once more with a new token when the token was refused; every further attempt is the core's.
 */
export class EtcdClient {
  readonly #endpoints: readonly Endpoint[];
  readonly #options: ResolvedEtcdOptions;
  readonly #warn: (message: string) => void;
  readonly #scopes = new Set<AbortController>();
  readonly #login = new SharedAttempt((signal) => this.#authenticate(signal));
  #current: number;
  #token: string | undefined;
  /** Set when etcd says that it has authentication off; the next refusal asks again. */
  #isAuthOff = false;
  #closedBy: RegistryError | undefined;

  private constructor(
    endpoints: readonly Endpoint[],
    options: ResolvedEtcdOptions,
    warn: (message: string) => void,
  ) {
    this.#endpoints = endpoints;
    this.#options = options;
    this.#warn = warn;
    // Processes that start together don't all take the first member.
    this.#current = randomInt(endpoints.length);
  }

  /** Connects and proves it: by logging in, or else by asking a member for its status. */
  static async connect(
    options: ResolvedEtcdOptions,
    warn: (message: string) => void,
    signal: AbortSignal,
  ): Promise<EtcdClient> {
    const doing = 'connect to etcd';
    const credentials = await readCredentials(options.tls, signal).catch((error: unknown) => {
      throw signal.aborted ? abortError(signal, doing) : toRegistryError(error, doing);
    });
    const endpoints = options.endpoints.map(
      (address) => new Endpoint(address, credentials, options.tls?.serverName),
    );
    const client = new EtcdClient(endpoints, options, warn);
    try {
      await client.call(doing, signal, (rpc) => rpc.maintenance.status());
      return client;
    } catch (error) {
      client.close(new RegistryError('UNAVAILABLE', 'no connection to etcd was made'));
      throw error;
    }
  }

  /** Ends every call with `why`, and every connection. */
  close(why: RegistryError): void {
    this.#closedBy = why;
    for (const scope of this.#scopes) scope.abort(why);
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  /** Makes a call. `run` may be called again, with another endpoint or another token. */
  async call<T>(
    doing: string,
    signal: AbortSignal,
    run: (rpc: Rpc, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const scope = this.#enter(signal);
    let isTokenNew = false;
    try {
      for (let endpointsLeft = this.#endpoints.length; ;) {
        const endpoint = this.#endpoint();
        let token: string | undefined;
        try {
          token = await this.#currentToken(scope.signal);
          return await run(endpoint.rpc(token, scope.signal), scope.signal);
        } catch (error) {
          const failure = this.#explain(error, doing, scope.signal, endpoint);
          const isRefused = this.#dropToken(error, token);
          // A member that was emptied doesn't refuse a token from before: it waits until it has seen as many changes as
          // etcd had when it gave the token (`isValidSimpleToken` in etcd's simple_token.go). The next call logs in anew.
          if (scope.signal.aborted && this.#token === token) this.#token = undefined;
          this.#leave(endpoint, error, scope.signal);
          if (isRefused && !isTokenNew) isTokenNew = true;
          else if (!isGrpcFailure(error) || !isEndpointFailure(error) || --endpointsLeft === 0) throw failure;
        }
      }
    } finally {
      scope.leave();
    }
  }

  /** Makes a call whose answer goes on until its reader stops, or the signal. Each item is handed out as it comes. */
  async *stream<T>(
    doing: string,
    signal: AbortSignal,
    open: (rpc: Rpc, signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T, never, undefined> {
    const scope = this.#enter(signal);
    const endpoint = this.#endpoint();
    let token: string | undefined;
    try {
      token = await this.#currentToken(scope.signal);
      yield* open(endpoint.rpc(token, scope.signal), scope.signal);
      throw new RegistryError('UNAVAILABLE', `${doing}: etcd at ${endpoint.address} ended it`);
    } catch (error) {
      const failure = this.#explain(error, doing, scope.signal, endpoint);
      this.#dropToken(error, token);
      this.#leave(endpoint, error, scope.signal);
      throw failure;
    } finally {
      scope.leave();
    }
  }

  /** Links a call to its caller's signal and to `close()`. */
  #enter(signal: AbortSignal) {
    if (this.#closedBy) throw this.#closedBy;
    const controller = new AbortController();
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    this.#scopes.add(controller);
    return {
      signal: controller.signal,
      leave: () => {
        signal.removeEventListener('abort', onAbort);
        this.#scopes.delete(controller);
      },
    };
  }

  #endpoint(): Endpoint {
    const endpoint = this.#endpoints[this.#current];
    if (!endpoint) throw new RangeError('there is no such endpoint');
    return endpoint;
  }

  /** Moves on when the endpoint failed, or didn't answer in time; at most once for calls that failed together. */
  #leave(endpoint: Endpoint, error: unknown, signal: AbortSignal): void {
    const isToBlame = isGrpcFailure(error) ? isEndpointFailure(error) : signal.aborted;
    if (isToBlame && this.#endpoint() === endpoint)
      this.#current = (this.#current + 1) % this.#endpoints.length;
  }

  async #currentToken(signal: AbortSignal): Promise<string | undefined> {
    if (this.#options.username === undefined || this.#isAuthOff) return undefined;
    return this.#token ?? (await this.#login.join(signal));
  }

  /** Forgets the token if etcd refused it, or if it asks for one that wasn't sent. */
  #dropToken(error: unknown, token: string | undefined): boolean {
    if (this.#options.username === undefined || !isGrpcFailure(error)) return false;
    const isRefused =
      token === undefined ? error.details.includes('user name is empty') : isTokenRefused(error);
    if (isRefused && this.#token === token) {
      this.#token = undefined;
      this.#isAuthOff = false;
    }
    return isRefused;
  }

  async #authenticate(signal: AbortSignal): Promise<string | undefined> {
    const { username = '', password = '' } = this.#options;
    try {
      const { token } = await this.#endpoint()
        .rpc(undefined, signal)
        .auth.authenticate({ name: username, password });
      this.#token = token;
    } catch (error) {
      if (!isGrpcFailure(error) || !error.details.includes('authentication is not enabled')) throw error;
      this.#isAuthOff = true;
      this.#warn('etcd: a username is given, but authentication is off in etcd: everybody can write there');
    }
    return this.#token;
  }

  #explain(error: unknown, doing: string, signal: AbortSignal, endpoint: Endpoint): RegistryError {
    if (signal.aborted) return abortError(signal, doing);
    if (isGrpcFailure(error)) return grpcToRegistryError(error, doing, endpoint.address);
    return toRegistryError(error, doing);
  }
}
