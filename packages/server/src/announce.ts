import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import {
  type Registration,
  type RegistrationOptions,
  createController,
  invalidArgument,
  RegistryError,
  type RegisterSpec,
  type Registry,
} from '@rollcall/core';
import { GrpcWayOut } from './grpc-way-out.ts';
import { HttpWayOut } from './http-way-out.ts';
import { type GrpcServerLike, type HttpServerLike, kindOf, schemeOf } from './server-kind.ts';
import type { WayOut } from './way-out.ts';
import { whenListening } from './when-listening.ts';

/** What {@link announce} takes: all that `registry.register` does, and how the server leaves. */
export interface AnnounceSpec extends Omit<RegisterSpec, 'service' | 'port'>, RegistrationOptions {
  readonly registry: Registry;
  /**
   * The name to list it under. Left out where the configuration has a `service` block: the registry lists that by itself, and
   * only the way out is taken care of here.
   */
  readonly service?: string;
  /** The port that callers reach. Defaults to the one that the server listens on; a gRPC server doesn't tell its own. */
  readonly port?: number;
  /**
   * How long a connection on which nothing happens stays open after the server has stopped accepting, in milliseconds. A request that
   * comes over it is answered. Defaults to 1 000.
   */
  readonly lingerMs?: number;
  /** How long the server may take until it listens, in milliseconds. Defaults to 30 000. */
  readonly listenTimeoutMs?: number;
  /** Gives up the wait until it listens. */
  readonly signal?: AbortSignal;
}

/** A server that is listed, and how it fares on its way out. */
export interface Announced {
  readonly registration: Registration;
  /**
   * Aborts when the server begins to leave: it still serves, but long answers had better come to an end. For streams, WebSockets, and the
   * answer of a readiness check.
   */
  readonly leaving: AbortSignal;
  /** How many requests are under way; `undefined` for gRPC, which doesn't tell. */
  readonly underWay: number | undefined;
  /** How many requests were cut at the deadline; `undefined` for gRPC. */
  readonly cut: number | undefined;
}

const DEFAULT_LINGER_MS = 1_000;
const DEFAULT_LISTEN_TIMEOUT_MS = 30_000;

/**
 * Lists a server as soon as it listens, with the port that it got, and takes it out of service without a failed request when the registry
 * shuts down: out of the list first, then no new connections, then the work under way is finished, and cut at the deadline.
 *
 * It may be called before `listen`; awaited, it then waits for that. It doesn't wait for the registry:
 * `announced.registration.listed()` does.
 *
 * @param server of `node:http`, `node:https` or `node:http2` (Express: what `app.listen()` returns), a Fastify instance, a Nest
 * application, or a server of `@grpc/grpc-js` with its `port`.
 * @throws {RegistryError} `INVALID_ARGUMENT` that names the field: nothing is listed then, as when the server fails to listen;
 * `DEADLINE_EXCEEDED` when it doesn't listen in time; `CLOSED` when the registry shuts down before.
 */
export function announce(
  server: GrpcServerLike,
  spec: AnnounceSpec & { readonly port: number },
): Promise<Announced>;
export function announce(server: HttpServerLike, spec: AnnounceSpec): Promise<Announced>;
export async function announce(
  server: HttpServerLike | GrpcServerLike,
  spec: AnnounceSpec,
): Promise<Announced> {
  const given = kindOf(server);
  const announcement = new Announcement(spec.registry);
  try {
    if (given.kind === 'grpc') {
      announcement.wayOut = new GrpcWayOut(given.server, () => announcement.closing());
      announcement.register(spec, { port: spec.port, scheme: 'grpc' });
      return announcement;
    }
    const { lingerMs = DEFAULT_LINGER_MS, listenTimeoutMs = DEFAULT_LISTEN_TIMEOUT_MS, signal } = spec;
    checkTime('lingerMs', lingerMs, 0);
    checkTime('listenTimeoutMs', listenTimeoutMs, 1);
    const onClosing = () => announcement.closing();
    announcement.wayOut = new HttpWayOut({ ...given, lingerMs, onClosing });
    const ended = signal ? AbortSignal.any([signal, announcement.leaving]) : announcement.leaving;
    const address = await whenListening(given.server, listenTimeoutMs, ended);
    announcement.register(spec, { ...bound(address), port: address.port, scheme: schemeOf(given.server) });
    return announcement;
  } catch (error) {
    announcement.release();
    throw error;
  }
}

class Announcement implements Announced {
  readonly #leaving = createController();
  readonly #takeHooksBack: () => void;
  /** Set before anything else is called. */
  wayOut: WayOut | undefined;
  #registration: Registration | undefined;

  constructor(registry: Registry) {
    this.#takeHooksBack = registry.onShutdown({
      drained: () => this.#leave(),
      // A server that doesn't listen yet has no work, and must not be waited for.
      stopAccepting: () => this.#registration && this.wayOut?.stopAccepting(),
      finishWork: (signal) => this.#registration && this.#finish(signal),
    });
  }

  get registration(): Registration {
    // An announcement is handed out only after register() has set it.
    return this.#registration as Registration;
  }

  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  get underWay(): number | undefined {
    return this.wayOut?.underWay;
  }

  get cut(): number | undefined {
    return this.wayOut?.cut;
  }

  register(
    spec: AnnounceSpec,
    found: { readonly host?: string; readonly port: number | undefined; readonly scheme: string },
  ): void {
    if (this.leaving.aborted) throw this.leaving.reason;
    this.#registration = this.#listed(spec, found);
  }

  /** Somebody else closes the server: callers must know at once. */
  closing(): void {
    if (this.#registration) this.#leave();
  }

  release(): void {
    this.#takeHooksBack();
    this.wayOut?.release();
  }

  #listed(
    spec: AnnounceSpec,
    {
      port,
      ...found
    }: { readonly host?: string; readonly port: number | undefined; readonly scheme: string },
  ): Registration {
    const { registry, lingerMs: _l, listenTimeoutMs: _t, signal: _s, ready, ttlMs, service, ...rest } = spec;
    if (service === undefined) {
      if (registry.self) return registry.self;
      throw invalidArgument('service', 'must be given where the configuration has no service block');
    }
    const listedPort = spec.port ?? port;
    if (listedPort === undefined) {
      throw invalidArgument('port', 'must be given: a gRPC server does not tell which one bindAsync() got');
    }
    return registry.register(
      { ...found, ...rest, service, port: listedPort },
      { ...(ready && { ready }), ...(ttlMs !== undefined && { ttlMs }) },
    );
  }

  #leave(): void {
    if (this.leaving.aborted) return;
    this.wayOut?.leave();
    this.#leaving.abort(new RegistryError('CLOSED', 'the server is leaving'));
    // The registry tries until it is gone, and tells what fails.
    this.#registration?.deregister().catch(() => {});
  }

  async #finish(signal: AbortSignal): Promise<void> {
    const { wayOut } = this;
    try {
      await wayOut?.finish(signal);
    } finally {
      this.release();
    }
    if (wayOut?.wasCut) throw this.#tooLong(wayOut.cut);
  }

  #tooLong(cut: number | undefined): RegistryError {
    const { service, id } = this.registration.instance;
    const what =
      cut === undefined ? 'the calls still under way' : `${cut} ${cut === 1 ? 'request' : 'requests'}`;
    return new RegistryError(
      'DEADLINE_EXCEEDED',
      `${service}/${id}: ${what} had to be cut at shutdown.deadlineMs: make that longer, or such requests shorter`,
    );
  }
}

/** The host, where the server listens on one address only: nobody can reach it at another. */
function bound({ address }: AddressInfo): { readonly host?: string } {
  const isAny = address === '0.0.0.0' || address === '::' || isIP(address) === 0;
  return isAny ? {} : { host: address };
}

function checkTime(field: string, value: number, least: number): void {
  if (typeof value !== 'number' || !(value >= least) || value > 2 ** 31 - 1) {
    throw invalidArgument(field, `must be a number of milliseconds from ${least}`);
  }
}
