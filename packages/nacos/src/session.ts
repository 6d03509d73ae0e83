import { abortError, type Lease, RegistryError, createController } from '@rollcall/core';
import type { Call, Connection } from './connection.ts';
import { type Body, objectIn } from './payload.ts';
import { Publication, type Published } from './publication.ts';

export interface SessionOptions {
  readonly namespaceId: string;
  readonly group: string;
  /** The time when it began, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Sends a request over the session's connection, with a token where there is a user. */
  readonly ask: (type: string, body: Body, call: Call) => Promise<Body>;
}

/**
 * What hangs on one connection with Nacos: the instances that it lists, and the services that it follows. It ends with the
 * connection, and never comes back.
 */
export class Session implements Lease {
  /** Nacos gives up a connection that was silent for so long. */
  readonly ttlMs = SILENCE_MS;
  readonly since: number;
  readonly #connection: Connection;
  readonly #where: { readonly namespace: string; readonly groupName: string };
  readonly #ask: SessionOptions['ask'];
  readonly #lost = createController();
  readonly #publications = new Map<string, Publication>();
  readonly #feeds = new Map<string, Feed>();
  #retirement: NodeJS.Timeout | undefined;

  constructor(connection: Connection, { namespaceId, group, since, ask }: SessionOptions) {
    this.#connection = connection;
    this.since = since;
    this.#where = { namespace: namespaceId, groupName: group };
    this.#ask = ask;
    connection.ended.addEventListener('abort', () => this.#end(), { once: true });
    if (connection.ended.aborted) this.#end();
  }

  /** Aborts when the instances must be registered anew, by another session. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Aborts when the connection has ended. */
  get ended(): AbortSignal {
    return this.#connection.ended;
  }

  get address(): string {
    return this.#connection.address;
  }

  request(type: string, body: Body, call: Call): Promise<Body> {
    return this.#ask(type, { ...this.#where, ...body }, call);
  }

  /** Lists an entry of a service, or takes it out where it is `undefined`. */
  async publish(service: string, id: string, entry: Entry | undefined, call: Call): Promise<void> {
    let publication = this.#publications.get(service);
    if (!publication) {
      // What isn't listed on this connection is listed on none of ours.
      if (!entry) return;
      publication = new Publication((published, each) => this.#send(service, published, each));
      this.#publications.set(service, publication);
    }
    if (!entry && !publication.has(id)) return;
    await publication.change(id, entry, call);
  }

  /** Tells what Nacos lists of a service, and again after each change. It ends by throwing, and never resumes. */
  async *follow(service: string, call: Call): AsyncGenerator<readonly unknown[], never, undefined> {
    let feed = this.#feeds.get(service);
    if (!feed) this.#feeds.set(service, (feed = new Feed()));
    feed.followers++;
    const onEnd = () => feed.wake();
    call.signal.addEventListener('abort', onEnd);
    try {
      const subscribe = () => this.#subscribe(service, true, call);
      const answer = await feed.inTurn(subscribe, call);
      feed.take(hostsOf(answer, call.doing));
      for (;;) {
        const { hosts } = feed;
        yield hosts.list;
        while (feed.hosts === hosts) {
          if (call.signal.aborted) throw abortError(call.signal, call.doing);
          if (this.lost.aborted) throw this.lost.reason;
          // oxlint-disable-next-line no-await-in-loop -- one change after another
          await feed.woken();
        }
      }
    } finally {
      call.signal.removeEventListener('abort', onEnd);
      if (--feed.followers === 0) this.#leave(service, feed);
    }
  }

  /** Takes what the server tells by itself. */
  take(type: string, body: Body): void {
    if (type === 'ConnectResetRequest') this.retire();
    if (type !== 'NotifySubscriberRequest') return;
    const info = objectIn(body, 'serviceInfo');
    const feed = this.#feeds.get(nameIn(info));
    if (!feed) return;
    try {
      feed.take(hostsOf(body, 'follow a service'));
    } catch (error) {
      if (error instanceof RegistryError) this.close(error);
    }
  }

  /**
   * Says that it is lost, and stays for a moment: what it lists is listed by another session by then, and nobody sees a
   * gap.
   */
  retire(): void {
    if (this.lost.aborted) return;
    const reason = new RegistryError('UNAVAILABLE', `Nacos at ${this.address} asks us to connect anew`);
    this.#lose(reason);
    this.#retirement = setTimeout(() => this.close(reason), RETIREMENT_MS);
  }

  close(reason: RegistryError): void {
    this.#connection.close(reason);
  }

  #end(): void {
    clearTimeout(this.#retirement);
    this.#lose(this.#connection.ended.reason);
  }

  #lose(reason: unknown): void {
    this.#lost.abort(reason);
    for (const feed of this.#feeds.values()) feed.wake();
  }

  /** Replaces what Nacos has of a service on this connection. */
  async #send(serviceName: string, published: Published, call: Call): Promise<void> {
    const instances = [...published.values()].map((entry) => ({ ...entry, enabled: true, ephemeral: true }));
    const [instance = NOBODY, ...others] = instances;
    if (others.length > 0) {
      const body = { serviceName, type: 'batchRegisterInstance', instances };
      await this.request('BatchInstanceRequest', body, call);
      return;
    }
    const type = instances.length === 0 ? 'deregisterInstance' : 'registerInstance';
    await this.request('InstanceRequest', { serviceName, type, instance }, call);
  }

  async #subscribe(serviceName: string, subscribe: boolean, call: Call): Promise<Body> {
    return await this.request('SubscribeServiceRequest', { serviceName, subscribe, clusters: '' }, call);
  }

  #leave(service: string, feed: Feed): void {
    const call = { doing: 'stop following a service', signal: AbortSignal.timeout(UNSUBSCRIBE_MS) };
    const unsubscribe = async () => {
      if (feed.followers > 0 || this.lost.aborted) return;
      this.#feeds.delete(service);
      await this.#subscribe(service, false, call);
    };
    // Who isn't unsubscribed gets pushes that nobody reads; that is all.
    feed.inTurn(unsubscribe, call).catch(() => {});
  }
}

/** One service that is followed, by as many as want to. */
class Feed {
  followers = 0;
  /** A new object for each list. */
  hosts: { readonly list: readonly unknown[]; readonly since: number } = { list: [], since: 0 };
  readonly #sleepers = new Set<() => void>();
  #turn: Promise<unknown> = Promise.resolve();

  /** Takes a list, unless it is older than the one that is there: an answer and a push may overtake each other. */
  take({ list, since }: { readonly list: readonly unknown[]; readonly since: number }): void {
    if (since < this.hosts.since) return;
    this.hosts = { list, since };
    this.wake();
  }

  /** Resolves at the next {@link wake}. */
  woken(): Promise<void> {
    return new Promise((resolve) => this.#sleepers.add(resolve));
  }

  wake(): void {
    for (const wakeUp of this.#sleepers) wakeUp();
    this.#sleepers.clear();
  }

  /** Nacos works on requests side by side: so whoever subscribes waits for who unsubscribes. */
  inTurn<T>(run: () => Promise<T>, { doing, signal }: Call): Promise<T> {
    const turn = this.#turn.then(() => {
      if (signal.aborted) throw abortError(signal, doing);
      return run();
    });
    this.#turn = turn.catch(() => {});
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(abortError(signal, doing));
      signal.addEventListener('abort', onAbort, { once: true });
      void turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }
}

type Entry = Parameters<Publication['change']>[1];

/** After so much silence Nacos asks a connection whether it is still there, in milliseconds. */
export const SILENCE_MS = 20_000;
/** Longer than registering anew takes, and than Nacos takes to tell of it. */
const RETIREMENT_MS = 3_000;
const UNSUBSCRIBE_MS = 5_000;

/** To take a publication out, Nacos wants an instance, and doesn't look at it. */
const NOBODY = {
  ip: '0.0.0.0',
  port: 0,
  weight: 1,
  healthy: true,
  enabled: true,
  ephemeral: true,
  clusterName: 'DEFAULT',
  metadata: {},
};

/** The entries of a service in an answer or a push. @throws {RegistryError} `PROTOCOL` where there are none. */
export function hostsOf(body: Body, doing: string): { list: readonly unknown[]; since: number } {
  const info = objectIn(body, 'serviceInfo');
  const hosts = info?.['hosts'];
  if (!info || !Array.isArray(hosts))
    throw new RegistryError('PROTOCOL', `${doing}: Nacos sent no list of instances`);
  const since = info['lastRefTime'];
  return { list: hosts, since: typeof since === 'number' ? since : 0 };
}

/** The name of a service, which some servers write with its group. */
function nameIn(info: Body | undefined): string {
  const name = info?.['name'];
  return typeof name === 'string' ? (name.split('@@').at(-1) ?? '') : '';
}
