import { type Clock, type Lease, RegistryError } from '@rollcall/core';
import { isObject, parseJsonObject } from '@rollcall/core/dialects';
import type { HttpAnswer, HttpServers } from '@rollcall/core/network';
import type { Call } from './connection.ts';
import { idOf, withSince, withTtl } from './layouts/entry.ts';
import type { Login } from './login.ts';
import { NacosPackage, type NamingProxy, type WrittenRequest } from './nacos-package.ts';
import type { RegisterCall, Transport, WireService } from './transport.ts';
import { placeOf, readWireInstance, type WireInstance } from './wire-instance.ts';

export interface HttpOptions {
  readonly http: HttpServers;
  readonly login?: Login | undefined;
  readonly group: string;
  readonly ephemeral: boolean;
  readonly clock: Clock;
}

/**
 * Speaks with Nacos by the first version of its HTTP API
 * (https://nacos.io/en/docs/v2/guide/user/open-api/), through the npm package `nacos`: the only one before Nacos 2, and in
 * Nacos 3 on as long as it is not switched off. Instances live from beats; nothing is told, it must be asked for.
 */
export class HttpTransport implements Transport {
  readonly capabilities: Transport['capabilities'];
  readonly #options: HttpOptions;
  readonly #package = new NacosPackage();
  /** What this process registered: Nacos tells instances apart by their address, not by their id. */
  readonly #registered = new Map<string, WireInstance>();

  constructor(options: HttpOptions) {
    this.#options = options;
    this.capabilities = options.ephemeral ? HTTP_LIVING : HTTP_LASTING;
  }

  async open(namespaceId: string, call: Call): Promise<void> {
    await this.names(namespaceId, 1, call);
  }

  close(): void {
    // What it uses is closed by whom it is from.
  }

  async register(
    service: WireService,
    id: string,
    entry: WireInstance,
    { ttlMs: wishedMs, ...call }: RegisterCall,
  ): Promise<Lease> {
    const { ephemeral, clock } = this.#options;
    const { min, max } = this.capabilities.ttlRangeMs;
    const ttlMs = Math.round(Math.min(max, Math.max(min, wishedMs)));
    const written = withSince(entry, 0, clock.wallNow());
    const { metadata, weight, healthy } = ephemeral ? withTtl(written, ttlMs) : written;
    const before = this.#registered.get(keyOf(service, id));
    const instance = { ...this.#placed(entry), metadata, weight, healthy, enabled: true as const };
    await this.#call(service, call, (naming) =>
      naming.registerService(this.#nameOf(service), this.#options.group, instance),
    );
    this.#registered.set(keyOf(service, id), entry);
    if (before && placeOf(before) !== placeOf(entry)) await this.#remove(service, before, call);
    return ephemeral
      ? {
          ttlMs,
          renew: ({ signal }) => this.#beat(service, entry, { doing: 'renew the lease in Nacos', signal }),
        }
      : { ttlMs };
  }

  async deregister(service: WireService, id: string, call: Call): Promise<void> {
    const ours = this.#registered.get(keyOf(service, id));
    const listed = ours ? [] : (await this.list(service, call)).map(readWireInstance);
    for (const entry of ours ? [ours] : listed.filter((each) => idOf(each) === id)) {
      // oxlint-disable-next-line no-await-in-loop -- there is one
      await this.#remove(service, entry, call);
    }
    this.#registered.delete(keyOf(service, id));
  }

  async list(service: WireService, call: Call): Promise<readonly unknown[]> {
    const { answer } = await this.#call(service, call, (naming) =>
      naming.queryList(this.#nameOf(service), ANY_CLUSTER, NO_UDP, false),
    );
    const { hosts } = jsonIn(answer, call);
    if (!Array.isArray(hosts))
      throw new RegistryError('PROTOCOL', `${call.doing}: Nacos sent no list of instances`);
    return hosts;
  }

  async names(namespaceId: string, page: number, call: Call): Promise<readonly string[]> {
    const { value } = await this.#call({ namespaceId }, call, (naming) =>
      naming.getServiceList(page, PAGE_SIZE, this.#options.group),
    );
    const { data: names = [] } = value;
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
      throw new RegistryError('PROTOCOL', `${call.doing}: Nacos sent no list of names`);
    return names;
  }

  /**
   * A beat that says whose it is and no more: Nacos answers that it doesn't know the instance, where it takes the package's
   * for a registration, and so would bring back one that has just left.
   */
  async #beat(service: WireService, entry: WireInstance, call: Call): Promise<void> {
    const { ip, port, clusterName, ephemeral } = this.#placed(entry);
    const place = { ip, port: String(port), clusterName, ephemeral: String(ephemeral) };
    const { answer } = await this.#call(
      service,
      call,
      (naming) => naming.sendBeat({ serviceName: this.#nameOf(service), ip, port, clusterName }),
      ({ query, ...request }) => {
        const others = Object.entries(query).filter(([name]) => name !== 'beat');
        return { ...request, query: { ...Object.fromEntries(others), ...place } };
      },
    );
    if (jsonIn(answer, call)['code'] === UNKNOWN_INSTANCE)
      throw new RegistryError(
        'LEASE_LOST',
        `${call.doing}: Nacos does not know the instance; register again`,
      );
  }

  async #remove(service: WireService, entry: WireInstance, call: Call): Promise<void> {
    await this.#call(service, call, (naming) =>
      naming.deregisterService(this.#nameOf(service), this.#placed(entry)),
    );
  }

  /** What the package makes of the answer, and the answer. */
  async #call<T>(
    { namespaceId }: Pick<WireService, 'namespaceId'>,
    call: Call,
    use: (naming: NamingProxy) => Promise<T>,
    change = (request: WrittenRequest) => request,
  ): Promise<{ readonly value: T; readonly answer: HttpAnswer }> {
    const answers: HttpAnswer[] = [];
    const send = async (request: WrittenRequest) => {
      const answer = await this.#ask(change(request), call);
      answers.push(answer);
      return answer.text;
    };
    const value = await this.#package.call(namespaceId, use, send).catch((error: unknown) => {
      throw answers[0] && !(error instanceof RegistryError) ? unreadable(answers[0], call, error) : error;
    });
    return { value, answer: answers[0] as HttpAnswer };
  }

  #nameOf({ name }: WireService): string {
    return `${this.#options.group}@@${name}`;
  }

  #placed({ ip, port, clusterName }: WireInstance) {
    return { ip, port, clusterName, ephemeral: this.#options.ephemeral };
  }

  async #ask(request: WrittenRequest, call: Call): Promise<HttpAnswer> {
    const { http, login } = this.#options;
    for (let tries = 1; ; tries++) {
      // oxlint-disable-next-line no-await-in-loop -- the second is for a token that was refused
      const token = await login?.token(call.signal);
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      // oxlint-disable-next-line no-await-in-loop
      const answer = await http.request({ ...request, headers, ...call });
      if (answer.status === 200) return answer;
      const isRefused = answer.status === 401 || answer.status === 403;
      if (!isRefused || token === undefined || tries > 1)
        throw refusal(answer, call.doing, token !== undefined);
      login?.drop(token);
    }
  }
}

const PAGE_SIZE = 500;
const ANY_CLUSTER = '';
/** Nobody is to be told anything there: one forged packet would replace a list. */
const NO_UDP = 0;

/** What a beat is answered for an instance that isn't there (`NamingResponseCode.RESOURCE_NOT_FOUND`). */
const UNKNOWN_INSTANCE = 20_404;

export const HTTP_LIVING: Transport['capabilities'] = {
  liveness: 'lease',
  // Nacos looks every 5 s who has been silent for the TTL.
  crashSlackMs: 7_000,
  // Answers are up to half a second old.
  propagationMs: 1_000,
  ttlRangeMs: { min: 3_000, max: 24 * 3_600_000 },
};

export const HTTP_LASTING: Transport['capabilities'] = { ...HTTP_LIVING, liveness: 'probe' };

export function refusal(
  { status, text, server }: HttpAnswer,
  doing: string,
  hasToken: boolean,
): RegistryError {
  const said = `${doing}: Nacos at ${server} answered ${status}: ${messageIn(text)}`;
  if (status === 401 || status === 403) {
    return hasToken
      ? new RegistryError('PERMISSION_DENIED', `${said}; check what the user may do`)
      : new RegistryError('UNAUTHENTICATED', `${said}; check username and password`);
  }
  if (status === 400) return new RegistryError('INVALID_ARGUMENT', said);
  return new RegistryError('PROTOCOL', `${said}; does it have the HTTP API of Nacos 1?`);
}

/** What an error's page says: JSON with a message, or words. */
function messageIn(text: string): string {
  let message: unknown = text;
  try {
    const answer: unknown = JSON.parse(text);
    if (isObject(answer)) message = answer['message'] ?? answer['error'] ?? text;
  } catch {
    // Words.
  }
  return String(message).slice(0, MAX_SAID) || 'nothing';
}

const MAX_SAID = 300;

function jsonIn(answer: HttpAnswer, call: Call): Readonly<Record<string, unknown>> {
  try {
    return parseJsonObject(answer.text);
  } catch (cause) {
    throw unreadable(answer, call, cause);
  }
}

function unreadable({ server }: HttpAnswer, { doing }: Call, cause: unknown): RegistryError {
  const message = `${doing}: the answer of ${server} is not JSON; is it Nacos?`;
  return new RegistryError('PROTOCOL', message, { cause });
}

function keyOf({ namespaceId, name }: WireService, id: string): string {
  return JSON.stringify([namespaceId, name, id]);
}
