import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RegistryError } from '@rollcall/core';
import type { AccessDecision, Principal } from '@rollcall/access';
import { eventText, type EventStream } from './event-stream.ts';
import type { ListedEntry } from './listed-entry.ts';
import type { OpenStreams } from './open-streams.ts';
import { problem, type HttpProblem } from './problem.ts';
import { arrayText, type ListDelta, type ServiceFollower } from './service-follower.ts';

export interface InstanceStreamOptions {
  readonly streams: OpenStreams;
  readonly follower: ServiceFollower;
  readonly principal: Principal;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly objection: () => string | undefined;
  /** What the stream begins with. */
  readonly only: AccessDecision['only'];
  readonly withOwner: boolean;
  /** Where the reader stopped before. */
  readonly lastEventId: string | undefined;
}

/** The text of a delta is made once for all who may see all of it. */
const texts = new WeakMap<ListDelta, { plain?: string; owned?: string }>();

/**
 * Streams a service: the list, then what changes. A reader that comes back with the position of its last event gets what
 * it missed, where the history reaches; one that is too slow gets the newest list when it can take it.
 */
export function openInstanceStream(options: InstanceStreamOptions): void {
  const { streams, follower, principal, request, reply, objection, only, withOwner, lastEventId } = options;
  /** What a reader that may not see everything has been shown. */
  const shown = new Set<string>();
  const visible = (entry: ListedEntry): boolean => only === undefined || only(entry.instance);

  const sendList = (stream: EventStream): void => {
    const entries = [...follower.entries.values()].filter(visible);
    shown.clear();
    if (only) for (const { id } of entries) shown.add(id);
    const list = only ? arrayText(entries, withOwner) : follower.listText(withOwner);
    const { revision } = follower;
    const rest = JSON.stringify({
      skipped: only ? [] : follower.skipped,
      ...(revision !== undefined && { revision }),
    });
    stream.send(eventText('list', `{"instances":${list},${rest.slice(1)}`, follower.position));
  };

  const sendDelta = (stream: EventStream, delta: ListDelta): void => {
    if (only) {
      const text = partOf(delta, { visible, shown, withOwner, epoch: follower.epoch });
      if (text !== undefined) stream.send(text);
    } else stream.send(wholeOf(delta, withOwner, follower.epoch));
  };

  const stream = streams.open({
    request,
    reply,
    principal,
    objection,
    onCaughtUp: () => sendList(stream),
    onClosed: () => stop(),
  });
  // What a filtered reader was shown before isn't known any more: it begins with the list.
  const missed = lastEventId === undefined || only ? undefined : follower.since(lastEventId);
  if (missed) for (const delta of missed) sendDelta(stream, delta);
  else sendList(stream);
  const stop = follower.listen({
    onDelta: (delta) => sendDelta(stream, delta),
    onLost: (error) => stream.end(lostProblem(error)),
  });
  // It may have been closed by the other side before there was something to stop.
  if (stream.isOver) stop();
}

/** The list doesn't follow the registry any more: the reader is told, so that it knows how old its own is. */
export function lostProblem(error: RegistryError): HttpProblem {
  const detail = `The list does not follow the registry behind: ${error.message}.`;
  return problem('unavailable', detail, { headers: { 'retry-after': '1' } });
}

function wholeOf(delta: ListDelta, withOwner: boolean, epoch: string): string {
  let known = texts.get(delta);
  if (!known) texts.set(delta, (known = {}));
  const form = withOwner ? 'owned' : 'plain';
  known[form] ??= deltaText(
    delta,
    arrayText(delta.put, withOwner),
    delta.removed.map(({ id }) => id),
    epoch,
  );
  return known[form];
}

interface PartOptions {
  readonly visible: (entry: ListedEntry) => boolean;
  readonly shown: Set<string>;
  readonly withOwner: boolean;
  readonly epoch: string;
}

/** What of a delta a reader may see that may not see everything: one that it may no longer see has left. */
function partOf(delta: ListDelta, { visible, shown, withOwner, epoch }: PartOptions): string | undefined {
  const put = delta.put.filter(visible);
  const ids = new Set(put.map(({ id }) => id));
  const left = [...delta.removed, ...delta.put].filter(({ id }) => !ids.has(id) && shown.has(id));
  for (const { id } of put) shown.add(id);
  for (const { id } of left) shown.delete(id);
  if (put.length + left.length === 0) return undefined;
  return deltaText(
    { ...delta, skipped: [] },
    arrayText(put, withOwner),
    left.map(({ id }) => id),
    epoch,
  );
}

function deltaText(
  { version, skipped, revision }: ListDelta,
  put: string,
  removed: readonly string[],
  epoch: string,
): string {
  const rest = JSON.stringify({ removed, skipped, ...(revision !== undefined && { revision }) });
  return eventText('delta', `{"put":${put},${rest.slice(1)}`, `${epoch}:${version}`);
}
