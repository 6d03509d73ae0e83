import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '@rollcall/core';
import type { Principal } from '@rollcall/access';
import { EventStream } from './event-stream.ts';
import { problem, type HttpProblem } from './problem.ts';

export interface OpenStreamsOptions {
  readonly clock: Clock;
  /** How many may be open in all. */
  readonly max: number;
  /** How many one principal may have open. */
  readonly maxPerPrincipal: number;
}

export interface StreamRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly principal: Principal;
  /** Asked when the policy changes: why the principal may not have the stream as it is any more, if so. */
  readonly objection: () => string | undefined;
  readonly onCaughtUp: () => void;
  readonly onClosed: () => void;
}

interface Open {
  readonly stream: EventStream;
  readonly subject: string;
  readonly objection: () => string | undefined;
  readonly cancelExpiry: () => void;
}

/** Every stream says that it is alive this often, in milliseconds. */
const BEAT_MS = 10_000;

/** The beats of all streams are spread over this many turns. */
const BEAT_TURNS = 20;

/** The longest time that a timer of Node takes, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;

/** All open streams of this gateway: how many there may be, their beats, and why they end. */
export class OpenStreams {
  readonly #options: OpenStreamsOptions;
  readonly #open = new Set<Open>();
  readonly #bySubject = new Map<string, number>();
  readonly #turns: Set<EventStream>[] = Array.from({ length: BEAT_TURNS }, () => new Set());
  #turn = 0;
  #cancelBeat: () => void = () => {};
  #isClosing = false;

  constructor(options: OpenStreamsOptions) {
    this.#options = options;
    this.#beatLater();
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens a stream; the reply is the stream's from then on.
   *
   * @throws {HttpProblem} 429 when the principal has too many, 503 when there are too many in all, or the gateway leaves.
   */
  open({ request, reply, principal, objection, onCaughtUp, onClosed }: StreamRequest): EventStream {
    const { subject } = principal;
    this.#admit(subject);
    const headers: Record<string, string | number> = {};
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (typeof value === 'string' || typeof value === 'number') headers[name] = value;
    reply.hijack();
    // No answer is expected to this request any more, and none to come on this connection.
    request.raw.setTimeout(0);
    const turn = this.#turns[this.#open.size % BEAT_TURNS] as Set<EventStream>;
    const stream = new EventStream({
      response: reply.raw,
      headers,
      onCaughtUp,
      onClosed: () => {
        open.cancelExpiry();
        turn.delete(stream);
        if (this.#open.delete(open)) this.#count(subject, -1);
        onClosed();
      },
    });
    const open: Open = { stream, subject, objection, cancelExpiry: this.#expire(stream, principal) };
    this.#open.add(open);
    turn.add(stream);
    this.#count(subject, 1);
    return stream;
  }

  /** The policy has changed: who may no longer see a stream loses it. */
  recheck(): void {
    for (const { stream, objection } of this.#open) {
      const why = objection();
      if (why !== undefined) stream.end(problem('forbidden', `The policy has changed: ${why}.`));
    }
  }

  /** Ends every stream, and lets no other begin. */
  close(reason: HttpProblem): void {
    this.#isClosing = true;
    this.#cancelBeat();
    for (const { stream } of this.#open) stream.end(reason);
  }

  #admit(subject: string): void {
    const { max, maxPerPrincipal } = this.#options;
    if (this.#isClosing) throw closingProblem();
    if (this.#open.size >= max) {
      const detail = `This gateway has ${max} streams open, which is its limit. Ask another one.`;
      throw problem('unavailable', detail, { headers: { 'retry-after': '5' } });
    }
    if ((this.#bySubject.get(subject) ?? 0) >= maxPerPrincipal) {
      const detail = `You have ${maxPerPrincipal} streams open, which is the limit. Close one.`;
      throw problem('too-many-requests', detail, { headers: { 'retry-after': '5' } });
    }
  }

  #count(subject: string, by: number): void {
    const count = (this.#bySubject.get(subject) ?? 0) + by;
    if (count > 0) this.#bySubject.set(subject, count);
    else this.#bySubject.delete(subject);
  }

  /** A stream lives no longer than the credentials that it was opened with. */
  #expire(stream: EventStream, { expiresAt }: Principal): () => void {
    const { clock } = this.#options;
    if (expiresAt === undefined) return () => {};
    let cancel = (): void => {};
    const arm = (): void => {
      const leftMs = expiresAt - clock.wallNow();
      if (leftMs > 0) cancel = clock.after(Math.min(leftMs, MAX_TIMER_MS), arm);
      else
        stream.end(
          problem('unauthenticated', 'Your credentials have expired: open the stream again with new ones.'),
        );
    };
    arm();
    return () => cancel();
  }

  #beatLater(): void {
    this.#cancelBeat = this.#options.clock.after(BEAT_MS / BEAT_TURNS, () => {
      this.#turn = (this.#turn + 1) % BEAT_TURNS;
      for (const stream of this.#turns[this.#turn] ?? []) stream.beat();
      this.#beatLater();
    });
  }
}

/** What requests and streams get while the gateway leaves. */
export function closingProblem(): HttpProblem {
  const detail = 'This gateway is leaving. Ask another one, or this one again in a moment.';
  return problem('closing', detail, { headers: { 'retry-after': '1', connection: 'close' } });
}
