import { defineInstance, type InstanceKey, type InstanceSpec, type ServiceInstance } from '@rollcall/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal, Verb } from '@rollcall/access';
import type { GatewayParts } from '../gateway-parts.ts';
import type { ChangeRequest } from '../held-instances.ts';
import { etagOf, type ListedEntry } from '../listed-entry.ts';
import { RESERVED_CHARACTERS, RESERVED_PREFIX } from '../marks.ts';
import { permit, seesOwners } from '../permission.ts';
import { matches } from '../preconditions.ts';
import { problem } from '../problem.ts';
import { route, type Route } from '../route.ts';
import {
  instance,
  instanceList,
  instancePath,
  instanceSpec,
  listQuery,
  overrideRequest,
  servicePath,
} from '../schemas.ts';
import { arrayText, type ServiceFollower } from '../service-follower.ts';

const INSTANCES = '/v1/namespaces/{namespace}/services/{service}/instances';
const CONDITIONS = {
  'If-Match': 'Only if the instance has this ETag; `*`: only if it is there.',
  'If-None-Match': '`*`: only if it isn’t there.',
};

/** The instances of a service: read, put, removed, and overridden by operators. */
export function instanceRoutes(parts: GatewayParts): readonly Route[] {
  const { access, held, followers } = parts;

  /** The change of one instance, with the question whether the caller may. */
  const change = (
    verb: Verb,
    key: InstanceKey,
    { principal, request }: { readonly principal: Principal; readonly request: FastifyRequest },
  ): ChangeRequest => ({
    subject: principal.subject,
    conditions: {
      ifMatch: request.headers['if-match'],
      ifNoneMatch: request.headers['if-none-match'],
    },
    authorize: (current) => {
      permit(access, principal, { verb, ...key, ...(current && { owner: current.owner }) });
    },
  });

  /** Refuses those who may not touch this service whatever stands there, before anything is looked at. */
  const admit = (verb: Verb, key: InstanceKey, principal: Principal): void => {
    permit(access, principal, { verb, ...key, owner: principal.subject });
  };

  const answer = (reply: FastifyReply, entry: ListedEntry, principal: Principal): FastifyReply =>
    json(reply.header('etag', entry.etag), entry.json(seesOwners(access, principal, entry.instance)));

  return [
    route({
      method: 'GET',
      url: INSTANCES,
      id: 'listInstances',
      tag: 'instances',
      summary: 'The instances of a service. One that nobody registered is an empty list.',
      path: servicePath,
      query: listQuery,
      headers: { 'If-None-Match': 'The ETag of a list that the caller has.' },
      responses: {
        200: { says: 'The list.', schema: instanceList },
        304: { says: 'The list is what the caller has.' },
      },
      problems: [503],
      async handle({ path, query, principal, request, reply, signal }) {
        const { only } = permit(access, principal, { verb: 'list', ...path });
        const follower = followers.follow(path);
        await follower.load(signal);
        checkFresh(follower, query.maxStaleMs);
        const withOwner = seesOwners(access, principal, path);
        const list = only
          ? arrayText(
              [...follower.entries.values()].filter((entry) => only(entry.instance)),
              withOwner,
            )
          : follower.listText(withOwner);
        // The marks of a list that only some of may be seen must not tell of the rest.
        const tag = only ? etagOf(list) : `"${follower.position}${withOwner ? ':o' : ''}"`;
        reply.header('etag', `W/${tag}`).header('cache-control', 'private, no-cache');
        const known = request.headers['if-none-match'];
        if (known !== undefined && matches(known, tag)) return await reply.code(304).send();
        const { revision, ageMs } = follower;
        const skipped = only ? [] : follower.skipped;
        const rest = JSON.stringify({
          skipped,
          ...(revision !== undefined && { revision }),
          ageMs: Math.round(ageMs),
        });
        return json(reply, `{"instances":${list},${rest.slice(1)}`);
      },
    }),
    route({
      method: 'GET',
      url: `${INSTANCES}/{id}`,
      id: 'readInstance',
      tag: 'instances',
      summary: 'One instance.',
      path: instancePath,
      responses: { 200: { says: 'The instance.', schema: instance } },
      problems: [404, 503],
      async handle({ path, principal, reply }) {
        const { only } = permit(access, principal, { verb: 'list', ...path });
        const entry = await held.current(path);
        if (!entry || (only && !only(entry.instance))) throw notListed(path);
        return answer(reply.header('cache-control', 'private, no-cache'), entry, principal);
      },
    }),
    route({
      method: 'PUT',
      url: `${INSTANCES}/{id}`,
      id: 'putInstance',
      tag: 'instances',
      summary:
        'Have an instance listed under a lease, or change it. Answers once the registry behind has it.',
      path: instancePath,
      body: instanceSpec,
      headers: { 'Rollcall-Lease': 'The id of the caller’s lease. Required.', ...CONDITIONS },
      responses: {
        200: { says: 'It is changed.', schema: instance },
        201: { says: 'It is listed.', schema: instance },
      },
      problems: [404, 412, 503, 504],
      async handle({ path, principal, request, reply }) {
        admit('register', path, principal);
        const lease = request.headers['rollcall-lease'];
        if (typeof lease !== 'string' || lease === '') {
          const detail = 'The header Rollcall-Lease is missing: POST /v1/leases gives a lease.';
          throw problem('bad-request', detail, { field: 'Rollcall-Lease' });
        }
        const spec = instanceOf(request.body, path);
        const { entry, isNew } = await held.put(
          spec,
          lease,
          change('register', path, { principal, request }),
        );
        parts.serviceNames.changed(path.namespace);
        return answer(reply.code(isNew ? 201 : 200), entry, principal);
      },
    }),
    route({
      method: 'DELETE',
      url: `${INSTANCES}/{id}`,
      id: 'removeInstance',
      tag: 'instances',
      summary: 'Take an instance off. Answers once the registry behind no longer has it.',
      path: instancePath,
      headers: CONDITIONS,
      responses: { 204: { says: 'It is gone, or was not there.' } },
      problems: [412, 503, 504],
      async handle({ path, principal, request, reply }) {
        admit('deregister', path, principal);
        await held.remove(path, change('deregister', path, { principal, request }));
        parts.serviceNames.changed(path.namespace);
        return await reply.code(204).send();
      },
    }),
    route({
      method: 'PUT',
      url: `${INSTANCES}/{id}/override`,
      id: 'overrideInstance',
      tag: 'operators',
      summary: 'Override status or weight, whatever the owner says, until the override is deleted.',
      path: instancePath,
      body: overrideRequest,
      headers: CONDITIONS,
      responses: { 200: { says: 'The instance as it is listed now.', schema: instance } },
      problems: [404, 412, 501, 503, 504],
      async handle({ path, body, principal, request, reply }) {
        permit(access, principal, { verb: 'override', ...path });
        return answer(
          reply,
          await held.override(path, body, change('override', path, { principal, request })),
          principal,
        );
      },
    }),
    route({
      method: 'DELETE',
      url: `${INSTANCES}/{id}/override`,
      id: 'clearOverride',
      tag: 'operators',
      summary: 'What the owner says holds again.',
      path: instancePath,
      headers: CONDITIONS,
      responses: { 200: { says: 'The instance as it is listed now.', schema: instance } },
      problems: [404, 412, 501, 503, 504],
      async handle({ path, principal, request, reply }) {
        permit(access, principal, { verb: 'override', ...path });
        return answer(
          reply,
          await held.clearOverride(path, change('override', path, { principal, request })),
          principal,
        );
      },
    }),
  ];
}

/** The instance of a body. It is read from the body itself: a schema would drop a metadata key named `__proto__`. */
function instanceOf(body: unknown, path: InstanceKey): ServiceInstance {
  const spec = body as InstanceSpec;
  for (const field of ['namespace', 'service', 'id'] as const) {
    if (spec[field] === undefined || spec[field] === path[field]) continue;
    throw problem('bad-request', `The body’s ${field} is not that of the path: leave it out.`, { field });
  }
  const made = defineInstance({ ...spec, ...path });
  for (const key of Object.keys(made.metadata ?? {})) {
    if (!key.startsWith(RESERVED_PREFIX)) continue;
    const detail = `Metadata keys that begin with ${RESERVED_PREFIX} are the gateway’s own: choose another name.`;
    throw problem('bad-request', detail, { field: `metadata.${key}` });
  }
  // With the gateway's marks it must still be an instance.
  const filler = 'x'.repeat(RESERVED_CHARACTERS - RESERVED_PREFIX.length);
  defineInstance({ ...made, metadata: { ...made.metadata, [RESERVED_PREFIX]: filler } });
  return made;
}

/** @throws {HttpProblem} 503 when the list doesn't follow the registry, unless the caller takes one so old. */
function checkFresh(follower: ServiceFollower, maxStaleMs: number | undefined): void {
  const { lost, ageMs } = follower;
  if (!lost || (maxStaleMs !== undefined && ageMs <= maxStaleMs)) return;
  const age = `The last list is ${Math.round(ageMs)} ms old; with maxStaleMs you can have it.`;
  const detail = `The list does not follow the registry behind: ${lost.message}. ${age}`;
  throw problem('unavailable', detail, { headers: { 'retry-after': '1' } });
}

function json(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(text);
}

function notListed({ namespace, service, id }: InstanceKey) {
  return problem('not-found', `${id} is not listed in ${namespace}/${service}.`, { field: 'id' });
}
