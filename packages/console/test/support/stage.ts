import { AccessControl, createApiKey, type PolicyInput } from '@rollcall/access';
import {
  defineInstance,
  encodeSegment,
  type InstanceSpec,
  memoryAdapter,
  MemoryStore,
  systemClock,
} from '@rollcall/core';
import { type Gateway, startGateway } from '@rollcall/gateway';

/** Who uses the gateway in the tests, each with an API key. */
export const PEOPLE = ['operator', 'viewer', 'stranger', 'services'] as const;
export type Person = (typeof PEOPLE)[number];

export type PolicyParts = Pick<PolicyInput, 'namespaces' | 'allow' | 'anonymous'>;

/** A real gateway in this process, on a registry of its own, with a policy, and services that use it by HTTP. */
export interface Stage {
  /** Where the page is. */
  readonly page: string;
  readonly keys: Readonly<Record<Person, string>>;
  /** Has an instance listed, or changes it, as a service of its own does: under a lease, by HTTP. */
  put(spec: InstanceSpec): Promise<void>;
  remove(key: { namespace: string; service: string; id: string }): Promise<void>;
  /** What the gateway lists now. */
  read(namespace: string, service: string): Promise<readonly Listed[]>;
  /** Has many listed at once, behind the gateway. */
  list(specs: readonly InstanceSpec[]): Promise<void>;
  /** From now on the key of this person lets nobody in. */
  revoke(person: Person): Promise<void>;
  close(): Promise<void>;
}

export interface Listed {
  readonly id: string;
  readonly status: string;
  readonly weight: number;
}

/** Longer than any test takes: nobody renews it. */
const TTL_MS = 3_600_000;

export async function openStage(parts: PolicyParts = {}): Promise<Stage> {
  const made = PEOPLE.map((person) => [person, createApiKey(person)] as const);
  const keys = Object.fromEntries(made.map(([person, { key }]) => [person, key])) as Record<Person, string>;
  const policyFor = (people: readonly Person[]): PolicyInput => ({
    namespaces: { shop: {}, ...parts.namespaces },
    allow: parts.allow ?? [],
    ...(parts.anonymous && { anonymous: parts.anonymous }),
    roles: {
      viewer: [{ verbs: ['list', 'watch'], namespaces: ['*'] }],
      operator: [{ verbs: ['list', 'watch', 'override'], namespaces: ['*'] }],
      service: [{ verbs: ['list', 'watch', 'register', 'deregister'], namespaces: ['*'] }],
      nothing: [{ verbs: ['list'], namespaces: ['elsewhere-*'] }],
    },
    keys: made
      .filter(([person]) => people.includes(person))
      .map(([person, { hash }]) => ({
        id: person,
        hash,
        subject: person,
        roles: [{ operator: 'operator', viewer: 'viewer', stranger: 'nothing', services: 'service' }[person]],
      })),
  });
  let access = await AccessControl.open({ policy: policyFor(PEOPLE) });
  let people: readonly Person[] = PEOPLE;
  const store = new MemoryStore({ clock: systemClock });
  const behind = memoryAdapter({ store });
  const gateway: Gateway = await startGateway({
    port: 0,
    env: {},
    adapter: memoryAdapter({ store }),
    config: { log: { level: 'error' }, registration: { ttlMs: TTL_MS } },
    access: {
      authenticate: (authorization, signal) => access.authenticate(authorization, signal),
      decide: (principal, request) => access.decide(principal, request),
      check: (principal, request) => access.check(principal, request),
      namespaces: () => access.namespaces(),
      get policy() {
        return access.policy;
      },
    },
    limits: { perAddress: false, perPrincipal: false },
  });
  const signal = AbortSignal.timeout(TTL_MS);
  const call = async (method: string, path: string, more: { body?: unknown; lease?: string } = {}) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${keys.services}`,
        ...(more.body !== undefined && { 'content-type': 'application/json' }),
        ...(more.lease !== undefined && { 'rollcall-lease': more.lease }),
      },
      ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };
  const { id: lease } = (await call('POST', '/v1/leases', { body: { ttlMs: TTL_MS } })) as { id: string };
  const service = (namespace: string, name: string): string =>
    `/v1/namespaces/${encodeSegment(namespace)}/services/${encodeSegment(name)}/instances`;

  return {
    page: `${gateway.url}/console/`,
    keys,
    async put({ id, namespace = 'shop', service: name, ...spec }) {
      const path = `${service(namespace, name)}/${encodeSegment(id ?? `${spec.host}:${spec.port}`)}`;
      await call('PUT', path, { body: spec, lease });
    },
    async remove(key) {
      await call('DELETE', `${service(key.namespace, key.service)}/${encodeSegment(key.id)}`);
    },
    async read(namespace, name) {
      return ((await call('GET', service(namespace, name))) as { instances: Listed[] }).instances;
    },
    async list(specs) {
      await behind.open(signal);
      for (const spec of specs) await behind.register(defineInstance(spec), { ttlMs: TTL_MS, signal });
    },
    async revoke(person) {
      people = people.filter((one) => one !== person);
      const before = access;
      access = await AccessControl.open({ policy: policyFor(people) });
      gateway.recheck();
      await before.close();
    },
    async close() {
      await gateway.close();
      await behind.close();
      await access.close();
    },
  };
}
