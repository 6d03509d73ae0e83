import { NamespacePolicy, type NamespaceRules, type ServiceKey } from '@rollcall/core';
import { VERBS, type AccessRequest, type Principal } from '@rollcall/access';
import type { RegistryChange } from '../changes.ts';
import { eventText, type EventStream } from '../event-stream.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { permit } from '../permission.ts';
import { route, type Route } from '../route.ts';
import {
  changeList,
  changesQuery,
  eventStream,
  namespaceList,
  namespacePath,
  principal as principalSchema,
  serviceList,
  topology,
} from '../schemas.ts';

/** A picture doesn't wait longer than this for one list, in milliseconds. */
const PICTURE_TIMEOUT_MS = 2_000;

/** A picture shows at most so many services of one namespace. */
const PICTURE_SERVICES = 500;

/** What there is, and what the caller may see of it. */
export function lookingRoutes(parts: GatewayParts): readonly Route[] {
  const { access, changes, followers, namespaceNames, serviceNames, streams } = parts;
  const mayQuietly = (principal: Principal, request: AccessRequest): boolean =>
    access.check(principal, request).allowed;
  const visibleNamespaces = (principal: Principal): readonly string[] =>
    namespaceNames.all.filter((namespace) => mayQuietly(principal, { verb: 'list', namespace }));
  const visibleServices = async (
    principal: Principal,
    namespace: string,
    signal: AbortSignal,
  ): Promise<readonly string[]> =>
    (await serviceNames.list(namespace, signal)).filter((service) =>
      mayQuietly(principal, { verb: 'list', namespace, service }),
    );

  const seesChange = (principal: Principal, change: RegistryChange): boolean => {
    const { namespace, service, id } = change;
    const { allowed, only } = access.check(principal, {
      verb: 'list',
      namespace,
      service,
    });
    // Of who may see some instances only, nobody can say any more whether this was one of them.
    return allowed && only === undefined && id !== '';
  };
  const shownChange = (principal: Principal, { by, ...change }: RegistryChange): RegistryChange => {
    const { namespace, service } = change;
    const isTold = by !== undefined && mayQuietly(principal, { verb: 'override', namespace, service });
    return isTold ? { ...change, by } : change;
  };

  const countOf = async (key: ServiceKey, signal: AbortSignal) => {
    const { service: name } = key;
    const follower = followers.follow(key);
    try {
      await follower.load(AbortSignal.any([signal, AbortSignal.timeout(PICTURE_TIMEOUT_MS)]));
    } catch {
      return undefined;
    }
    const instances = Array.from(follower.entries.values(), ({ instance }) => instance);
    return { name, up: instances.filter(({ status }) => status === 'UP').length, total: instances.length };
  };

  return [
    route({
      method: 'GET',
      url: '/v1/namespaces',
      id: 'listNamespaces',
      tag: 'looking',
      summary: 'The namespaces that the caller may look into, of those that the gateway knows of.',
      responses: { 200: { says: 'Sorted.', schema: namespaceList } },
      async handle({ principal }) {
        return { namespaces: visibleNamespaces(principal) };
      },
    }),
    route({
      method: 'GET',
      url: '/v1/namespaces/{namespace}/services',
      id: 'listServices',
      tag: 'looking',
      summary: 'The services of a namespace that the caller may see.',
      path: namespacePath,
      responses: { 200: { says: 'Sorted.', schema: serviceList } },
      problems: [503],
      async handle({ path: { namespace }, principal, signal }) {
        permit(access, principal, { verb: 'list', namespace });
        return { services: await visibleServices(principal, namespace, signal) };
      },
    }),
    route({
      method: 'GET',
      url: '/v1/me',
      id: 'whoAmI',
      tag: 'looking',
      summary: 'Who the caller is to the gateway, and what they may do where.',
      responses: { 200: { says: 'The principal.', schema: principalSchema } },
      async handle({ principal }) {
        const { subject, kind, roles } = principal;
        const namespaces = namespaceNames.all
          .map((name) => ({
            name,
            verbs: VERBS.filter((verb) => mayQuietly(principal, { verb, namespace: name })),
          }))
          .filter(({ verbs }) => verbs.length > 0);
        return { subject, kind, roles, namespaces };
      },
    }),
    route({
      method: 'GET',
      url: '/v1/changes',
      id: 'listChanges',
      tag: 'looking',
      summary: 'The last changes that this gateway made or saw, of what the caller may list.',
      query: changesQuery,
      responses: { 200: { says: 'Oldest first.', schema: changeList } },
      async handle({ query: { namespace }, principal }) {
        if (namespace !== undefined) permit(access, principal, { verb: 'list', namespace });
        const seen = changes.all.filter(
          (change) =>
            (namespace === undefined || change.namespace === namespace) && seesChange(principal, change),
        );
        return { changes: seen.map((change) => shownChange(principal, change)) };
      },
    }),
    route({
      method: 'GET',
      url: '/v1/changes/events',
      id: 'watchChanges',
      tag: 'streams',
      summary: 'Follow the changes: `change` for each, from now on.',
      query: changesQuery,
      responses: {
        200: { says: 'The stream.', schema: eventStream, contentType: 'text/event-stream' },
      },
      async handle({ query: { namespace }, principal, request, reply }) {
        if (namespace !== undefined) permit(access, principal, { verb: 'watch', namespace });
        let stop = (): void => {};
        const stream: EventStream = streams.open({
          request,
          reply,
          principal,
          // Each change is asked about by itself.
          objection: () => {
            if (namespace === undefined) return undefined;
            const { allowed, why } = access.decide(principal, { verb: 'watch', namespace });
            return allowed ? undefined : why;
          },
          onCaughtUp: () => {},
          onClosed: () => stop(),
        });
        stop = changes.listen((change) => {
          if (namespace !== undefined && change.namespace !== namespace) return;
          if (!seesChange(principal, change)) return;
          stream.send(eventText('change', JSON.stringify(shownChange(principal, change))));
        });
        if (stream.isOver) stop();
        return reply;
      },
    }),
    route({
      method: 'GET',
      url: '/v1/topology',
      id: 'readTopology',
      tag: 'looking',
      summary: 'Namespaces, their services, and which of them may look into another.',
      responses: { 200: { says: 'What the caller may see of it.', schema: topology } },
      problems: [503],
      async handle({ principal, signal }) {
        const visible = visibleNamespaces(principal);
        const rules = new NamespacePolicy(namespaceRules(access.policy));
        const namespaces = await Promise.all(
          visible.map(async (name) => {
            const names = await visibleServices(principal, name, signal);
            const services = await Promise.all(
              names
                .slice(0, PICTURE_SERVICES)
                .map((service) => countOf({ namespace: name, service }, signal)),
            );
            const mode = rules.mode(name);
            return { name, mode, services: services.filter((service) => service !== undefined) };
          }),
        );
        const crossings = crossingsOf(access.policy).filter(({ from, to }) =>
          [from, to].every((side) => side === '*' || visible.includes(namespaceOf(side))),
        );
        return { namespaces, crossings };
      },
    }),
  ];
}

/** Only these: a policy has other parts, too. */
function namespaceRules({ namespaces = {}, allow = [] }: NamespaceRules = {}): NamespaceRules {
  return { namespaces, allow };
}

/** Who may look where: the allow list, and the namespaces that are open. */
function crossingsOf({ namespaces = {}, allow = [] }: NamespaceRules = {}) {
  const open = Object.entries(namespaces).filter(([, { mode }]) => mode === 'open');
  return [
    ...open.map(([to]) => ({ from: '*', to: encodeURIComponent(to), why: 'the namespace is open' })),
    ...allow
      .map(({ from, to }, index) => ({ from, to, why: `allow[${index}]` }))
      .filter(({ to }) => !isStrict(namespaces, to)),
  ];
}

function isStrict(namespaces: NonNullable<NamespaceRules['namespaces']>, side: string): boolean {
  return Object.entries(namespaces).some(
    ([name, { mode }]) => mode === 'strict' && name === namespaceOf(side),
  );
}

/** Of `namespace` or `namespace/service`. */
function namespaceOf(side: string): string {
  const [namespace = ''] = side.split('/');
  return decodeURIComponent(namespace);
}
