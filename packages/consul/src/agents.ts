import { abortError, type Clock, RegistryError, sleep, createController } from '@rollcall/core';
import type { TokenSource } from '@rollcall/core/network';
import type { Agent, AgentAnswer, AgentRequest } from './agent.ts';

/** How long one agent may take where there is another to ask, in milliseconds. */
export const ATTEMPT_MS = 2_000;

/** A request without what is the same in all of them. */
export type Call = Omit<AgentRequest, 'token'>;

export interface Asked {
  /** The one that answered. */
  readonly agent: Agent;
  readonly answer: AgentAnswer;
  /** What was sent. */
  readonly token: string | undefined;
}

/**
 * The agents of the options, with the token and what else goes with each request. One is used until it fails; each is
 * asked once for a call.
 */
export class Agents {
  readonly #all: readonly Agent[];
  readonly #token: TokenSource;
  readonly #scope: Readonly<Record<string, string>>;
  /** Each watch that pauses listens to it. */
  readonly #closing = createController();
  #current = 0;

  /** @param scope goes into the query of every request. */
  constructor(all: readonly Agent[], token: TokenSource, scope: Readonly<Record<string, string>>) {
    this.#all = all;
    this.#token = token;
    this.#scope = scope;
  }

  get all(): readonly Agent[] {
    return this.#all;
  }

  get count(): number {
    return this.#all.length;
  }

  /** From now on that agent is not the one to ask first. */
  failed(agent: Agent): void {
    if (this.#all[this.#current] === agent) this.#current = (this.#current + 1) % this.#all.length;
  }

  token(signal: AbortSignal): Promise<string | undefined> {
    return this.#token(signal);
  }

  /**
   * Asks one after the other, until one serves.
   *
   * @param preferred is asked before all others.
   * @throws {RegistryError} as `Agent.request`; `UNAVAILABLE` says what each agent said.
   */
  async ask(call: Call, preferred?: Agent): Promise<Asked> {
    const inTurn = [...this.#all.slice(this.#current), ...this.#all.slice(0, this.#current)];
    const order = preferred ? [preferred, ...inTurn.filter((agent) => agent !== preferred)] : inTurn;
    const failures: RegistryError[] = [];
    for (const agent of order) {
      const isLast = failures.length === order.length - 1;
      try {
        return await this.on(agent, isLast ? call : { ...call, timeoutMs: ATTEMPT_MS });
      } catch (error) {
        if (!isOutage(error) || call.signal.aborted) throw error;
        this.failed(agent);
        failures.push(error);
      }
    }
    const [only] = failures;
    if (only && failures.length === 1) throw only;
    const each = failures.map(({ message }) => message.replace(`${call.doing}: `, '')).join('; ');
    throw new RegistryError('UNAVAILABLE', `${call.doing}: no agent serves: ${each}`, { cause: only });
  }

  /** Asks that agent alone. */
  async on(agent: Agent, call: Call): Promise<Asked> {
    const request = await this.#complete(call);
    return { agent, answer: await agent.request(request), token: request.token };
  }

  /** As {@link on}, where the agent may leave the request unanswered for long. */
  async wait(agent: Agent, call: Call): Promise<AgentAnswer> {
    return await agent.wait(await this.#complete(call));
  }

  /** Waits, unless the signal aborts or the agents are closed. */
  async pause(
    clock: Clock,
    delayMs: number,
    { signal, doing }: Pick<Call, 'signal' | 'doing'>,
  ): Promise<void> {
    const { signal: closing } = this.#closing;
    const wake = new AbortController();
    const onEnd = () => wake.abort();
    for (const end of [signal, closing]) end.addEventListener('abort', onEnd, { once: true });
    try {
      if (!signal.aborted && !closing.aborted) await sleep(clock, delayMs, wake.signal);
    } catch {
      if (closing.aborted) throw closing.reason;
      throw abortError(signal, doing);
    } finally {
      for (const end of [signal, closing]) end.removeEventListener('abort', onEnd);
    }
  }

  close(error: RegistryError): void {
    this.#closing.abort(error);
    for (const agent of this.#all) agent.close(error);
  }

  async #complete(call: Call): Promise<AgentRequest> {
    if (call.signal.aborted) throw abortError(call.signal, call.doing);
    return { ...call, query: { ...this.#scope, ...call.query }, token: await this.#token(call.signal) };
  }
}

/** Whether the agent is to blame, so that another one may serve. */
export function isOutage(error: unknown): error is RegistryError {
  return (
    error instanceof RegistryError && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED')
  );
}
