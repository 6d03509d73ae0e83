import type { Principal } from '@rollcall/access';
import { eventText, type EventStream } from '../event-stream.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { lostProblem, openInstanceStream } from '../instance-stream.ts';
import { objectionTo, permit, seesOwners } from '../permission.ts';
import { route, type Route } from '../route.ts';
import { eventStream, namespacePath, servicePath } from '../schemas.ts';

const STREAM = { says: 'The stream.', schema: eventStream, contentType: 'text/event-stream' };

/** What changes, as it changes. */
export function streamRoutes({ access, followers, streams, serviceNames }: GatewayParts): readonly Route[] {
  const visibleNames = (
    principal: Principal,
    namespace: string,
    names: readonly string[],
  ): readonly string[] =>
    names.filter((service) => access.check(principal, { verb: 'list', namespace, service }).allowed);

  return [
    route({
      method: 'GET',
      url: '/v1/namespaces/{namespace}/services/{service}/events',
      id: 'watchInstances',
      tag: 'streams',
      summary:
        'Follow a service. `list` first, then `delta` for each change; `end` says why it ends. Resumes by Last-Event-ID.',
      path: servicePath,
      headers: { 'Last-Event-ID': 'The id of the last event that the caller got.' },
      responses: { 200: STREAM },
      problems: [503],
      async handle({ path, principal, request, reply, signal }) {
        const asked = { verb: 'watch', ...path } as const;
        const decision = permit(access, principal, asked);
        const withOwner = seesOwners(access, principal, path);
        const follower = followers.follow(path);
        await follower.load(signal);
        if (follower.lost) throw lostProblem(follower.lost);
        const lastEventId = request.headers['last-event-id'];
        openInstanceStream({
          streams,
          follower,
          principal,
          request,
          reply,
          objection: () =>
            seesOwners(access, principal, path) === withOwner
              ? objectionTo(decision, access.decide(principal, asked))
              : 'you may see other fields now',
          only: decision.only,
          withOwner,
          lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
        });
        return reply;
      },
    }),
    route({
      method: 'GET',
      url: '/v1/namespaces/{namespace}/events',
      id: 'watchServices',
      tag: 'streams',
      summary: 'Follow the names of the services of a namespace: `services` has the full list each time.',
      path: namespacePath,
      responses: { 200: STREAM },
      problems: [503],
      async handle({ path, principal, request, reply, signal }) {
        const { namespace } = path;
        const asked = { verb: 'watch', namespace } as const;
        permit(access, principal, asked);
        // A registry that can't be reached is told before the stream begins.
        await serviceNames.list(namespace, signal);
        let told: string | undefined;
        let newest: readonly string[] = [];
        const tell = (to: EventStream): void => {
          const text = JSON.stringify({ services: visibleNames(principal, namespace, newest) });
          if (text !== told && to.send(eventText('services', text))) told = text;
        };
        let stop = (): void => {};
        const stream = streams.open({
          request,
          reply,
          principal,
          objection: () => {
            const { allowed, why } = access.decide(principal, asked);
            if (!allowed) return why;
            tell(stream);
            return undefined;
          },
          onCaughtUp: () => tell(stream),
          onClosed: () => stop(),
        });
        stop = serviceNames.watch(namespace, {
          onNames: (names) => {
            newest = names;
            tell(stream);
          },
          onLost: (error) => stream.end(lostProblem(error)),
        });
        if (stream.isOver) stop();
        return reply;
      },
    }),
  ];
}
