import { type Clock, createController, RegistryError, SharedAttempt, toRegistryError } from '@rollcall/core';
import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import { AuthenticationError } from './authentication-error.ts';
import { parseStrictJson } from './strict-json.ts';

export interface KeySetOptions {
  /** Reads the JSON Web Key Set (RFC 7517) from where it is. */
  readonly read: (signal: AbortSignal) => Promise<string>;
  /** Where it is, for messages. */
  readonly where: string;
  /** After this long the keys are read anew, while the old ones serve on. Milliseconds. */
  readonly cacheMs: number;
  /** How long after a read an unknown key makes for no other one. Milliseconds. */
  readonly cooldownMs: number;
  /** How long beyond `cacheMs` keys count that can't be read anew. Milliseconds. */
  readonly maxStaleMs: number;
  readonly clock: Clock;
}

type Finder = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

export interface FoundKey {
  readonly key: CryptoKey;
  /** Of the keys that it is among. */
  readonly generation: number;
}

/** After a read that failed, the next waits as long as this, or the cool-down where that is shorter. Milliseconds. */
const RETRY_MS = 5_000;

/** The most keys that are taken; issuers have two or three. */
const MAX_KEYS = 100;

/**
 * The public keys of an issuer, and when they are read:
 *
 * | the keys are | a key that is asked for is known | unknown |
 * |---|---|---|
 * | none yet, or older than `cacheMs` and `maxStaleMs` together | read, and wait | the same |
 * | older than `cacheMs` | used; read in the background | read, and wait |
 * | fresh | used | read, and wait |
 *
 * None of it within the cool-down after the last read, so that tokens with invented keys can't make many.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  readonly #reading = new SharedAttempt((signal) => this.#read(signal));
  readonly #closing = createController();
  #keys: { readonly find: Finder; readonly text: string; readonly at: number } | undefined;
  #lastTry = Number.NEGATIVE_INFINITY;
  #failure: RegistryError | undefined;
  #isReading = false;
  #generation = 0;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** Grows when the keys have changed: what was verified before may be no longer good. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * The key for a token with this header.
   *
   * @throws {AuthenticationError} when the issuer has no such key.
   * @throws {RegistryError} `UNAVAILABLE` when the keys can't be read, so that nobody knows.
   */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput, signal: AbortSignal): Promise<FoundKey> {
    const { cacheMs, maxStaleMs } = this.#options;
    if (this.#keys === undefined || this.#age() > cacheMs + maxStaleMs) await this.#readIfItMay(signal);
    else if (this.#age() > cacheMs && this.#mayTry()) this.#start();
    const known = await this.#lookUp(header, token);
    if (known) return known;
    await this.#readIfItMay(signal);
    const now = await this.#lookUp(header, token);
    if (now) return now;
    throw new AuthenticationError('key', 'the token is signed by a key that its issuer does not have');
  }

  /** Reads the keys once, to find out whether they can be read. */
  async load(signal: AbortSignal): Promise<void> {
    this.#start();
    await this.#reading.join(signal);
  }

  close(): void {
    this.#closing.abort();
  }

  #age(): number {
    return this.#options.clock.now() - (this.#keys?.at ?? Number.NEGATIVE_INFINITY);
  }

  #mayTry(): boolean {
    const { cooldownMs, clock } = this.#options;
    const pause = this.#failure ? Math.min(RETRY_MS, cooldownMs) : cooldownMs;
    return clock.now() - this.#lastTry >= pause;
  }

  /** Within the cool-down what the last read came to stands: the keys, or that nobody knows. */
  async #readIfItMay(signal: AbortSignal): Promise<void> {
    if (this.#isReading || this.#mayTry()) await this.load(signal);
    else if (this.#failure) throw this.#failure;
  }

  /** Whoever asks may go away: a read that was begun is finished, or others would pay for it with the cool-down. */
  #start(): void {
    if (this.#isReading) return;
    // What comes of it, the next look sees.
    void this.#reading.join(this.#closing.signal).catch(() => {});
  }

  async #lookUp(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<FoundKey | undefined> {
    const keys = this.#keys;
    if (!keys) return undefined;
    const generation = this.#generation;
    try {
      return { key: await keys.find(header, token), generation };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      if (error instanceof errors.JWKSMultipleMatchingKeys)
        throw new AuthenticationError(
          'key',
          'the token does not say by which of the issuer’s keys it is signed',
        );
      throw new AuthenticationError('key', 'the issuer’s key can not be used for this token');
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { clock, read, where } = this.#options;
    this.#isReading = true;
    this.#lastTry = clock.now();
    try {
      const text = await read(signal);
      const keys =
        text === this.#keys?.text ? this.#keys : { find: createLocalJWKSet(publicKeys(text)), text };
      if (keys !== this.#keys) this.#generation++;
      this.#keys = { find: keys.find, text, at: clock.now() };
      this.#failure = undefined;
    } catch (error) {
      const cause = toRegistryError(error, `read the keys at ${where}`);
      this.#failure = new RegistryError(
        'UNAVAILABLE',
        `the keys of the token’s issuer can't be read: ${cause.message}`,
        { cause },
      );
      throw this.#failure;
    } finally {
      this.#isReading = false;
    }
  }
}

/** The keys of a set that are public ones of their kind. A secret in a set that anybody can read is none. */
function publicKeys(text: string): JSONWebKeySet {
  const set = parse(text);
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(keys))
    throw new RegistryError('PROTOCOL', 'it is no JSON Web Key Set: it has no list `keys`');
  if (keys.length > MAX_KEYS) throw new RegistryError('PROTOCOL', `it has more than ${MAX_KEYS} keys`);
  const good = keys.filter(
    (key: unknown): key is JWK =>
      typeof key === 'object' && key !== null && 'kty' in key && /^(?:RSA|EC|OKP)$/.test(String(key.kty)),
  );
  return { keys: good.map(({ d: _d, ...rest }) => rest) as JWK[] };
}

function parse(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    throw new RegistryError('PROTOCOL', `it ${error instanceof Error ? error.message : 'is not JSON'}`);
  }
}
