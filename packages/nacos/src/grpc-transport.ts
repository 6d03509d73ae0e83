import { credentials } from '@grpc/grpc-js';
import {
  abortError,
  type Clock,
  type Lease,
  RegistryError,
  SharedAttempt,
  createController,
} from '@rollcall/core';
import { readTls, type TlsOptions } from '@rollcall/core/network';
import { type Call, Connection } from './connection.ts';
import { idOf, withSince } from './layouts/entry.ts';
import type { Login } from './login.ts';
import type { Body } from './payload.ts';
import { hostsOf, Session, SILENCE_MS } from './session.ts';
import { grpcAddress } from './server-address.ts';
import type { Transport, WireService } from './transport.ts';
import { placeOf, readWireInstance, type WireInstance } from './wire-instance.ts';

export interface GrpcOptions {
  /** The HTTP addresses. */
  readonly servers: readonly string[];
  readonly tls?: TlsOptions | undefined;
  readonly group: string;
  readonly ephemeral: boolean;
  readonly login?: Login | undefined;
  readonly clock: Clock;
}

/** Speaks with Nacos 2 and later: one connection for each namespace, which is the proof of life of what it lists. */
export class GrpcTransport implements Transport {
  readonly capabilities: Transport['capabilities'];
  readonly #options: GrpcOptions;
  readonly #homes = new Map<string, Home>();
  readonly #lasting = new Map<string, WireInstance>();
  readonly #closing = createController();
  #next: number;

  constructor(options: GrpcOptions) {
    this.#options = options;
    // Processes that start together don't all take the first server.
    this.#next = Math.floor(Math.random() * options.servers.length);
    this.capabilities = options.ephemeral ? GRPC_LIVING : GRPC_LASTING;
  }

  async open(namespaceId: string, call: Call): Promise<void> {
    await this.#session(namespaceId, call);
    // Nacos lets everybody connect.
    await this.#options.login?.token(call.signal);
  }

  close(why: RegistryError): void {
    this.#closing.abort(why);
    for (const home of this.#homes.values()) for (const session of home.all()) session.close(why);
  }

  async register(service: WireService, id: string, entry: WireInstance, call: Call): Promise<Lease> {
    const session = await this.#session(service.namespaceId, call);
    if (!this.#options.ephemeral) {
      await this.#putLasting(session, service, id, withSince(entry, 0, this.#options.clock.wallNow()), call);
      return LASTING_LEASE;
    }
    const written = withSince(entry, session.since, this.#options.clock.wallNow());
    await session.publish(service.name, id, written, call);
    return session;
  }

  async deregister(service: WireService, id: string, call: Call): Promise<void> {
    const session = await this.#session(service.namespaceId, call);
    if (!this.#options.ephemeral) {
      await this.#removeLasting(session, service, id, call);
      return;
    }
    const all = this.#homes.get(service.namespaceId)?.all() ?? [];
    for (const each of all) {
      // oxlint-disable-next-line no-await-in-loop -- it is one, and rarely two
      await each.publish(service.name, id, undefined, call);
    }
  }

  list({ namespaceId, name }: WireService, call: Call): Promise<readonly unknown[]> {
    return this.#reading(namespaceId, call, (session) => listed(session, name, call));
  }

  async *follow({ namespaceId, name }: WireService, call: Call): AsyncGenerator<readonly unknown[]> {
    const session = await this.#session(namespaceId, call);
    yield* session.follow(name, call);
  }

  async names(namespaceId: string, pageNo: number, call: Call): Promise<readonly string[]> {
    const body = { serviceName: '', pageNo, pageSize: PAGE_SIZE, selector: '' };
    const answer = await this.#reading(namespaceId, call, (session) =>
      session.request('ServiceListRequest', body, call),
    );
    const names = answer['serviceNames'] ?? [];
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
      throw new RegistryError('PROTOCOL', `${call.doing}: Nacos sent no list of names`);
    return names;
  }

  /** A reader loses nothing with a connection that Nacos doesn't know any more: there is another. */
  async #reading<T>(namespaceId: string, call: Call, read: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await read(await this.#session(namespaceId, call));
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'LEASE_LOST')) throw error;
      return await read(await this.#session(namespaceId, call));
    }
  }

  /** The session of the namespace, or a new one. */
  async #session(namespaceId: string, { doing, signal }: Call): Promise<Session> {
    if (signal.aborted) throw abortError(signal, doing);
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
    let home = this.#homes.get(namespaceId);
    if (!home) this.#homes.set(namespaceId, (home = new Home((each) => this.#connect(namespaceId, each))));
    return await home.session(signal).catch((error: unknown) => {
      throw signal.aborted ? abortError(signal, doing) : error;
    });
  }

  /** Tries each server once. */
  async #connect(namespaceId: string, signal: AbortSignal): Promise<Session> {
    const doing = 'connect to Nacos';
    const { servers, group, tls, clock } = this.#options;
    const files = tls && (await readTls(tls, signal));
    const isSecure = servers[0]?.startsWith('https:') ?? false;
    const security = isSecure
      ? credentials.createSsl(files?.ca ?? null, files?.key ?? null, files?.cert ?? null)
      : credentials.createInsecure();
    const eachMs = Math.max(MIN_CONNECT_MS, MAX_CONNECT_MS / servers.length);
    const closing = this.#closing.signal;
    let failure: unknown;
    for (let tries = 0; tries < servers.length; tries++) {
      const address = grpcAddress(servers[this.#next++ % servers.length] as string);
      const deadline = AbortSignal.timeout(eachMs);
      let session: Session | undefined;
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next server is for when this one failed
        const connection = await Connection.open(
          {
            address,
            credentials: security,
            serverName: files?.serverName,
            namespaceId,
            onPush: (type, body) => session?.take(type, body),
          },
          { doing, signal: AbortSignal.any([signal, deadline, closing]) },
        );
        session = new Session(connection, {
          namespaceId,
          group,
          since: clock.wallNow(),
          ask: (type, body, call) => this.#ask(connection, type, body, call),
        });
        return session;
      } catch (error) {
        if (signal.aborted || closing.aborted) throw error;
        failure = deadline.aborted ? tooSlow(address, eachMs, error) : error;
      }
    }
    throw failure;
  }

  async #ask(connection: Connection, type: string, body: Body, call: Call): Promise<Body> {
    const { login } = this.#options;
    if (!login) return await connection.request(type, body, call);
    for (let tries = 1; ; tries++) {
      // oxlint-disable-next-line no-await-in-loop -- the second is for a token that was refused
      const token = await login.token(call.signal);
      try {
        // oxlint-disable-next-line no-await-in-loop
        return await connection.request(type, body, call, { accessToken: token });
      } catch (error) {
        if (!(error instanceof RegistryError && error.code === 'UNAUTHENTICATED')) throw error;
        if (tries > 1) throw new RegistryError('PERMISSION_DENIED', error.message, { cause: error });
        login.drop(token);
      }
    }
  }

  async #putLasting(
    session: Session,
    service: WireService,
    id: string,
    entry: WireInstance,
    call: Call,
  ): Promise<void> {
    const key = JSON.stringify([service.namespaceId, service.name, id]);
    const before = this.#lasting.get(key);
    await session.request(...lastingRequest('registerInstance', service, entry), call);
    this.#lasting.set(key, entry);
    // Nacos tells lasting ones apart by their address: with a new one there would be two.
    if (before && placeOf(before) !== placeOf(entry))
      await session.request(...lastingRequest('deregisterInstance', service, before), call);
  }

  async #removeLasting(session: Session, service: WireService, id: string, call: Call): Promise<void> {
    const entries = (await listed(session, service.name, call)).map(readWireInstance);
    const ours = this.#lasting.get(JSON.stringify([service.namespaceId, service.name, id]));
    const all = [...entries.filter((entry) => idOf(entry) === id), ...(ours ? [ours] : [])];
    const places = new Map(all.map((entry) => [placeOf(entry), entry]));
    for (const entry of places.values()) {
      // oxlint-disable-next-line no-await-in-loop -- there is one
      await session.request(...lastingRequest('deregisterInstance', service, entry), call);
    }
    this.#lasting.delete(JSON.stringify([service.namespaceId, service.name, id]));
  }
}

/** The sessions of one namespace: the one in use, and those that stay until it has taken their place. */
class Home {
  readonly #attempt: SharedAttempt<Session>;
  readonly #retired = new Set<Session>();
  #current: Session | undefined;

  constructor(connect: (signal: AbortSignal) => Promise<Session>) {
    this.#attempt = new SharedAttempt(async (signal) => this.#take(await connect(signal)));
  }

  async session(signal: AbortSignal): Promise<Session> {
    return this.#current ?? (await this.#attempt.join(signal));
  }

  all(): readonly Session[] {
    return [...(this.#current ? [this.#current] : []), ...this.#retired];
  }

  #take(session: Session): Session {
    if (session.lost.aborted) throw session.lost.reason;
    this.#current = session;
    session.lost.addEventListener('abort', () => {
      if (this.#current === session) this.#current = undefined;
      this.#retired.add(session);
    });
    session.ended.addEventListener('abort', () => this.#retired.delete(session));
    return session;
  }
}

export const GRPC_LIVING: Transport['capabilities'] = {
  liveness: 'session',
  // Nacos looks every 3 s for connections that were silent for the TTL, asks them once more, and waits up to 5 s for an
  // answer (com.alibaba.nacos.core.remote.NacosRuntimeConnectionEjector).
  crashSlackMs: 8_000,
  // Changes within half a second are told together, and answers are as old as that.
  propagationMs: 1_000,
  ttlRangeMs: { min: SILENCE_MS, max: SILENCE_MS },
};

export const GRPC_LASTING: Transport['capabilities'] = { ...GRPC_LIVING, liveness: 'probe' };

const LASTING_LEASE: Lease = { ttlMs: SILENCE_MS };

/** How long connecting may take, with all servers and at least with each. */
const MAX_CONNECT_MS = 9_000;
const MIN_CONNECT_MS = 1_500;

const PAGE_SIZE = 500;

async function listed(session: Session, serviceName: string, call: Call): Promise<readonly unknown[]> {
  const body = { serviceName, cluster: '', healthyOnly: false, udpPort: 0 };
  return hostsOf(await session.request('ServiceQueryRequest', body, call), call.doing).list;
}

function lastingRequest(type: string, { name }: WireService, entry: WireInstance): [string, Body] {
  const instance = { ...entry, enabled: true, ephemeral: false };
  return ['PersistentInstanceRequest', { serviceName: name, type, instance }];
}

function tooSlow(address: string, ms: number, cause: unknown): RegistryError {
  const message = `connect to Nacos: ${address} did not answer within ${Math.round(ms)} ms`;
  return new RegistryError('UNAVAILABLE', message, { cause });
}
