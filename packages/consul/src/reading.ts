import { type Clock, RegistryError } from '@rollcall/core';
import type { AgentAnswer } from './agent.ts';
import type { Agents, Asked, Call } from './agents.ts';

/** How long an agent may hold a request back while nothing changes; it adds up to a sixteenth. */
const WAIT_S = 60;
/** When it hasn't answered by then, it never will. */
const WAIT_TIMEOUT_MS = (WAIT_S + WAIT_S / 16 + 5) * 1_000;

/** After an answer that tells nothing new, the next request waits this long, in milliseconds, twice as long each time. */
const PAUSE_MS = { min: 25, max: 1_000 };

/** Each change costs an answer that holds the whole list. A watch takes no more than this, however much changes. */
const BYTES_PER_MS = 20_000;

/** Older than this, an answer is no answer, in milliseconds. It comes from a server that has lost its leader. */
const MAX_STALENESS_MS = 10_000;

/** What is read, and of what the token must have the right to read for an empty answer to be believed. */
export interface Question extends Pick<Call, 'path' | 'params' | 'query' | 'signal' | 'doing'> {
  /** The service whose entries they are; without it, the names of all services. */
  readonly service?: string;
  /**
   * Whether an answer lacks something that the one before had. From a watch, it is then asked for once more: the stream
   * that agents serve watches from says neither that it left out what the token may not read, nor who leads.
   */
  readonly lacks?: (text: string) => boolean;
}

/** An answer, and whether it was told from a state that is older than the one before: Consul was emptied or restored. */
export interface Answered {
  readonly text: string;
  readonly index: number;
  readonly isReset: boolean;
}

/** One read. @throws {RegistryError} also for an answer that is no whole list, see {@link assertWhole}. */
export async function readOnce(agents: Agents, question: Question): Promise<Asked> {
  const asked = await agents.ask({ ...question, method: 'GET' });
  await assertWhole(agents, question, asked);
  return asked;
}

/**
 * Reads, and then again each time that something changed, by Consul's blocking queries
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking). It ends by throwing, and never resumes.
 *
 * A higher index doesn't mean that the answer differs, and some answers come at once with the same index: what tells
 * nothing new is not passed on, and slows the next request down.
 */
export async function* readChanges(
  agents: Agents,
  question: Question,
  clock: Clock,
): AsyncGenerator<Answered, never, undefined> {
  const first = await readOnce(agents, question);
  const { agent } = first;
  let { text } = first.answer;
  let index = indexOf(first.answer, question);
  let isReset = false;
  let idleMs = 0;
  for (let isNew = true; ;) {
    if (isNew) {
      yield { text, index, isReset };
      idleMs = 0;
      const busyMs = Math.min(text.length / BYTES_PER_MS, PAUSE_MS.max);
      if (busyMs >= PAUSE_MS.min) await agents.pause(clock, busyMs, question);
    }
    const asked = clock.now();
    const query = { ...question.query, index: String(index), wait: `${WAIT_S}s` };
    const call: Call = { ...question, method: 'GET', query, timeoutMs: WAIT_TIMEOUT_MS };
    let answer: AgentAnswer;
    try {
      answer = await agents.wait(agent, call);
      if (isStreamed(answer) && answer.text !== text && question.lacks?.(answer.text))
        ({ answer } = await agents.on(agent, { ...question, method: 'GET' }));
      await assertWhole(agents, question, { agent, answer, token: await agents.token(question.signal) });
    } catch (error) {
      if (!question.signal.aborted) agents.failed(agent);
      throw error;
    }
    const next = indexOf(answer, question);
    isReset = next < index;
    index = next;
    isNew = isReset || answer.text !== text;
    ({ text } = answer);
    if (!isNew && clock.now() - asked < PAUSE_MS.max) {
      idleMs = Math.min(Math.max(2 * idleMs, PAUSE_MS.min), PAUSE_MS.max);
      await agents.pause(clock, idleMs, question);
    } else idleMs = 0;
  }
}

function indexOf({ headers }: AgentAnswer, { doing }: Question): number {
  const index = Number(headers['x-consul-index']);
  if (Number.isSafeInteger(index) && index >= 0) return Math.max(index, 1);
  const text = `${doing}: the answer has no X-Consul-Index; does a proxy stand before the agent, that removes it?`;
  throw new RegistryError('PROTOCOL', text);
}

/**
 * Consul answers 200 with an empty or shortened list where the token may not read it all, and where nobody leads and old
 * answers are allowed. Neither is what is listed.
 *
 * @throws {RegistryError} `UNAVAILABLE`, `PERMISSION_DENIED`, `UNAUTHENTICATED`
 */
async function assertWhole(
  agents: Agents,
  question: Question,
  { agent, answer, token }: Asked,
): Promise<void> {
  const { doing, service } = question;
  const { headers, text } = answer;
  const contact = Number(headers['x-consul-lastcontact'] ?? 0);
  const hasNoLeader = headers['x-consul-knownleader'] === 'false' && !isStreamed(answer);
  if (hasNoLeader || contact > MAX_STALENESS_MS) {
    const what = `${doing}: Consul at ${agent.address} has no leader, its answer may be old`;
    throw new RegistryError('UNAVAILABLE', what);
  }
  const isEmpty = /^\s*(?:\[\s*\]|\{\s*\}|null)\s*$/u.test(text);
  // Of all the services, nobody need be allowed to see each; of one service's instances, a part is a lie.
  if (headers['x-consul-results-filtered-by-acls'] === 'true' && (isEmpty || service !== undefined)) {
    const what = `${doing}: the token may not read all of it: give it service:read and node:read`;
    throw new RegistryError('PERMISSION_DENIED', what);
  }
  // To those without a token Consul doesn't say what it left out.
  if (isEmpty && token === undefined && headers['x-consul-default-acl-policy'] === 'deny') {
    const rights = [{ Resource: 'service', Access: 'read', Segment: service ?? 'any' }];
    const asked = await agents.on(agent, {
      method: 'POST',
      path: '/internal/acl/authorize',
      body: rights,
      signal: question.signal,
      doing,
      mayBeMissing: true,
    });
    if (/"Allow":\s*false/u.test(asked.answer.text)) {
      const what = `${doing}: access lists are on and no token was sent: set token or tokenFile`;
      throw new RegistryError('UNAUTHENTICATED', what);
    }
  }
}

/** From such, `X-Consul-KnownLeader` is always false, and nothing tells what access lists left out. */
function isStreamed({ headers }: AgentAnswer): boolean {
  return headers['x-consul-query-backend'] === 'streaming';
}
