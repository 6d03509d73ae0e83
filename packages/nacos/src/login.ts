import { RegistryError, SharedAttempt } from '@rollcall/core';
import { parseJsonObject } from '@rollcall/core/dialects';
import type { HttpServers } from '@rollcall/core/network';
import type { Call } from './connection.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Where a token is had: since Nacos 3, and before. */
const LOGIN_PATHS = [
  ['v3', 'auth', 'user', 'login'],
  ['v1', 'auth', 'login'],
] as const;

/** A token runs out while requests are under way: a new one is had when this part of its time has passed. */
const RENEW_AT = 0.9;

/** Has a token of Nacos’, and a new one in time. */
export class Login {
  readonly #http: HttpServers;
  readonly #credentials: Credentials;
  readonly #attempt = new SharedAttempt((signal) => this.#logIn({ doing: 'log in to Nacos', signal }));
  #token: { readonly text: string; readonly renewAt: number } | undefined;

  constructor(http: HttpServers, credentials: Credentials) {
    this.#http = http;
    this.#credentials = credentials;
  }

  /** @throws {RegistryError} `UNAUTHENTICATED` when Nacos doesn't take the password. */
  async token(signal: AbortSignal): Promise<string> {
    if (this.#token && performance.now() < this.#token.renewAt) return this.#token.text;
    return await this.#attempt.join(signal);
  }

  /** Forgets a token that Nacos refused. */
  drop(token: string): void {
    if (this.#token?.text === token) this.#token = undefined;
  }

  async #logIn({ doing, signal }: Call): Promise<string> {
    const body = new URLSearchParams({ ...this.#credentials }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const path of LOGIN_PATHS) {
      // oxlint-disable-next-line no-await-in-loop -- the second is for servers that don't know the first
      const answer = await this.#http.request({
        method: 'POST',
        path,
        headers,
        body,
        // What these versions answer to a wrong password, and to a path that they don't know.
        answeredBy: [500, 501],
        signal,
        doing,
      });
      if (answer.status === 404 || answer.status === 405 || answer.status === 501) continue;
      if (REFUSED.has(answer.status)) {
        const message = `${doing}: Nacos at ${answer.server} refuses the user; check username and password`;
        throw new RegistryError('UNAUTHENTICATED', message);
      }
      if (answer.status !== 200)
        throw new RegistryError('PROTOCOL', `${doing}: ${answer.server} answered ${answer.status}`);
      return this.#take(answer.text, `${doing}: the answer of ${answer.server}`);
    }
    throw new RegistryError('PROTOCOL', `${doing}: the servers have no way to log in; are they Nacos?`);
  }

  #take(text: string, what: string): string {
    let answer: Readonly<Record<string, unknown>>;
    try {
      answer = parseJsonObject(text);
    } catch (cause) {
      throw new RegistryError('PROTOCOL', `${what} is not JSON; is it Nacos?`, { cause });
    }
    const { accessToken, tokenTtl } = answer;
    if (typeof accessToken !== 'string' || typeof tokenTtl !== 'number')
      throw new RegistryError('PROTOCOL', `${what} holds no token`);
    this.#token = { text: accessToken, renewAt: performance.now() + tokenTtl * 1_000 * RENEW_AT };
    return accessToken;
  }
}

/** A server without Nacos' console, as all are since Nacos 3, has no better answer to a wrong password than 500. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 500]);
