import { RegistryError, type RegistryErrorCode } from '@rollcall/core';
import { type HttpAnswer, HttpServers, type HttpServersOptions } from '@rollcall/core/network';
import {
  type Applications,
  type Entry,
  numberOf,
  readApplication,
  readApplications,
  readInstanceEntry,
  readInstance,
} from './answer.ts';
import { type InstanceInfo, overrideOf } from './layouts/instance-info.ts';

export interface EurekaServersOptions extends Pick<HttpServersOptions, 'servers' | 'tls'> {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface EurekaCall {
  readonly signal: AbortSignal;
  /** What is being done, for messages. */
  readonly doing: string;
}

/** Where an instance stands in Eureka. */
export interface EntryPlace {
  readonly app: string;
  readonly instanceId: string;
}

/** What is there before something is written. */
export interface StandingEntry {
  readonly status: string;
  readonly override: string | undefined;
  readonly dirtyAt: number;
}

export interface LeaseTerms {
  /** What the server adds to the time of each beat, twice. */
  readonly durationSecs: number;
  readonly renewalIntervalSecs: number;
}

/** What a server said, and which. Times and caches are each server's own. */
export interface From<T> {
  readonly server: string;
  readonly value: T;
}

/** How many entries are looked up by themselves at once. Between two answers of one server no more change, by far. */
export const LOOKED_UP_AT_ONCE = 50;

/** Eureka's REST operations (https://github.com/Netflix/eureka/wiki/Eureka-REST-operations), with JSON. */
export class EurekaServers {
  readonly #http: HttpServers;
  readonly #authorization: string | undefined;
  /** Those that answered as Eureka does: their 404 is an answer, and not that of a wrong path. */
  readonly #known = new Set<string>();

  constructor({ servers, tls, username, password }: EurekaServersOptions) {
    this.#http = new HttpServers({ name: 'Eureka', servers, ...(tls && { tls }) });
    if (username !== undefined)
      this.#authorization = `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
  }

  /** @throws {RegistryError} when there is no Eureka, or none that serves. */
  async check(call: EurekaCall): Promise<void> {
    const changes = await this.changes(call);
    if (changes) this.readChanges(call, changes);
    else await this.applications(call);
  }

  async applications(call: EurekaCall): Promise<From<Applications>> {
    const answer = await this.#send(call, { method: 'GET', path: ['apps'], gzip: true });
    return this.#read(call, answer, readApplications);
  }

  /**
   * What changed in the last minutes, three by default, as text: it is often the same as before.
   * `undefined` where the servers are set to give none (`eureka.server.disable-delta`).
   *
   * @param form `compact` leaves out what an instance is: there is who, of which status, and since when.
   */
  async changes(call: EurekaCall, form: 'full' | 'compact' = 'full'): Promise<From<string> | undefined> {
    const request = { method: 'GET', path: ['apps', 'delta'], form, gzip: true } as const;
    const { status, server, text } = await this.#ask(call, request);
    if (status === 403) return undefined;
    if (status !== 200) throw refusal(call, request, { status, server });
    return { server, value: text };
  }

  readChanges(call: EurekaCall, { server, value: text }: From<string>): From<Applications> {
    return this.#read(call, { server, text }, readApplications);
  }

  /** One that nobody registered has no entries. */
  async application(call: EurekaCall, app: string): Promise<From<readonly Entry[]>> {
    const answer = await this.#send(call, { method: 'GET', path: ['apps', app] }, [404]);
    if (answer.status === 404) return { server: answer.server, value: [] };
    return this.#read(call, answer, readApplication);
  }

  /** What stands there, past the servers' caches. */
  async standing(call: EurekaCall, place: EntryPlace): Promise<StandingEntry | undefined> {
    const instance = await this.instance(call, place);
    return instance && standingOf(instance);
  }

  /** The same, with all that the server says of it. */
  async instance(
    call: EurekaCall,
    { app, instanceId }: EntryPlace,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const answer = await this.#send(call, { method: 'GET', path: ['apps', app, instanceId] }, [404]);
    return answer.status === 404 ? undefined : this.#read(call, answer, readInstance).value;
  }

  /** These entries of one server as they are now, past its caches. Those that another server answers for are left out. */
  async entriesNow(call: EurekaCall, { server, value: entries }: From<readonly Entry[]>): Promise<Entry[]> {
    const each = await Promise.all(
      entries.map(async (entry) => {
        const path = ['apps', entry.app, entry.instanceId];
        const answer = await this.#send(call, { method: 'GET', path }, [404]);
        if (answer.server !== server) return [];
        if (answer.status === 404) return [{ ...entry, isRemoved: true }];
        const { value } = this.#read(call, answer, (text) => readInstanceEntry(entry.app, text));
        // Whoever asks has heard of that change.
        return [{ ...value, isRemoved: false, updatedAt: Math.max(value.updatedAt, entry.updatedAt) }];
      }),
    );
    return each.flat();
  }

  async put(call: EurekaCall, info: InstanceInfo, lease: LeaseTerms, dirtyAt: number): Promise<void> {
    const { durationSecs, renewalIntervalSecs } = lease;
    const instance = {
      ...info,
      leaseInfo: { renewalIntervalInSecs: renewalIntervalSecs, durationInSecs: durationSecs },
      lastDirtyTimestamp: dirtyAt,
    };
    const body = JSON.stringify({ instance });
    await this.#send(call, { method: 'POST', path: ['apps', info.app], body });
  }

  /**
   * Sends a beat. With the version of what was written, so that a server that has an older one asks for it.
   *
   * @returns whether the server knows the instance, as it was written last.
   */
  async beat(call: EurekaCall, { app, instanceId }: EntryPlace, dirtyAt: number): Promise<boolean> {
    const path = ['apps', app, instanceId];
    const query = { lastDirtyTimestamp: String(dirtyAt) };
    return (await this.#send(call, { method: 'PUT', path, query }, [404])).status !== 404;
  }

  /** Takes an operator's status off, and leaves this one. */
  async removeOverride(call: EurekaCall, { app, instanceId }: EntryPlace, status: string): Promise<void> {
    const path = ['apps', app, instanceId, 'status'];
    await this.#send(call, { method: 'DELETE', path, query: { value: status } }, [404]);
  }

  async remove(call: EurekaCall, { app, instanceId }: EntryPlace): Promise<void> {
    await this.#send(call, { method: 'DELETE', path: ['apps', app, instanceId] }, [404]);
  }

  close(): void {
    this.#http.close();
  }

  /** @throws {RegistryError} for an answer that is neither a success nor among `also`. */
  async #send(call: EurekaCall, request: EurekaRequest, also: readonly number[] = []): Promise<HttpAnswer> {
    const answer = await this.#ask(call, request);
    const { status, server } = answer;
    if (status >= 200 && status < 300) return answer;
    if (!also.includes(status)) throw refusal(call, request, answer);
    if (!this.#known.has(server)) await this.check(call);
    if (!this.#known.has(server)) throw refusal(call, request, answer);
    return answer;
  }

  #ask({ signal, doing }: EurekaCall, { body, form, ...request }: EurekaRequest): Promise<HttpAnswer> {
    return this.#http.request({
      ...request,
      ...(body !== undefined && { body }),
      headers: {
        accept: 'application/json',
        ...(form && { 'x-eureka-accept': form }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.#authorization !== undefined && { authorization: this.#authorization }),
      },
      signal,
      doing,
    });
  }

  #read<T>(
    { doing }: EurekaCall,
    { server, text }: Pick<HttpAnswer, 'server' | 'text'>,
    read: (text: string) => T,
  ): From<T> {
    try {
      const value = read(text);
      this.#known.add(server);
      return { server, value };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const what = `${doing}: what ${server} answered is not Eureka's: it ${why}`;
      throw new RegistryError('PROTOCOL', what, { cause: error });
    }
  }
}

/** What counts of an entry before something is written over it. */
export function standingOf(instance: Readonly<Record<string, unknown>>): StandingEntry {
  return {
    status: String(instance['status']),
    override: overrideOf(instance),
    dirtyAt: numberOf(instance['lastDirtyTimestamp']),
  };
}

interface EurekaRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly form?: 'full' | 'compact';
  readonly gzip?: true;
}

function refusal(
  { doing }: EurekaCall,
  { method }: EurekaRequest,
  { status, server }: Pick<HttpAnswer, 'status' | 'server'>,
): RegistryError {
  const [code, advice] = meaningOf(status, method === 'GET');
  return new RegistryError(code, `${doing}: ${server} answered ${status}; ${advice}`);
}

function meaningOf(status: number, isRead: boolean): readonly [RegistryErrorCode, string] {
  if (status === 401) return ['UNAUTHENTICATED', 'check username and password'];
  if (status === 403 && isRead)
    return ['UNAVAILABLE', 'it has just started and does not serve yet, or this user may not read'];
  if (status === 403)
    return [
      'PERMISSION_DENIED',
      'this user may not write, or Spring Security wants a CSRF token: it must want none on Eureka’s paths',
    ];
  if (status === 404)
    return [
      'PROTOCOL',
      'a URL must be that of Eureka’s REST operations, such as http://10.0.0.5:8761/eureka',
    ];
  return ['PROTOCOL', 'Eureka does not answer so; is it one?'];
}
