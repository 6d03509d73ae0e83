import { type Clock, RegistryError } from '@rollcall/core';
import {
  type CryptoKey,
  errors,
  type FlattenedJWSInput,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { HMAC_SECRET_BYTES, type TokenIssuer } from '../policy/schema.ts';
import { AuthenticationError } from './authentication-error.ts';
import type { KeySet } from './key-set.ts';
import { keySetOf, readBytes } from './key-sources.ts';
import { own, type UnverifiedToken } from './unverified-token.ts';

/** What a good token says. */
export interface TokenIdentity {
  readonly subject: string;
  /** Those that the token names, and its issuer may give. Not all of them need be in the policy. */
  readonly roles: readonly string[];
  readonly home?: { readonly namespace: string; readonly service?: string };
  /** From then on it is no longer good, with the tolerance for clocks. Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Of the issuer's keys, when its signature was verified. */
  readonly generation: number;
}

export interface IssuerContext {
  readonly clock: Clock;
  /** Where a file of the policy is. */
  readonly path: (file: string) => string;
}

const MAX_ROLES = 100;
const MAX_NAME = 240;

/** One issuer of tokens, with its keys. */
export class Issuer {
  readonly entry: TokenIssuer;
  readonly #clock: Clock;
  readonly #keys: KeySet | undefined;
  readonly #secret: Uint8Array | undefined;
  readonly #algorithms: ReadonlySet<string>;
  readonly #types: ReadonlySet<string>;

  /**
   * @throws {RegistryError} when a file can't be read. Keys at an address may come later: the issuer may be down now.
   */
  static async open(entry: TokenIssuer, context: IssuerContext, signal: AbortSignal): Promise<Issuer> {
    if (entry.secretFile !== undefined) {
      const secret = await readSecret(context.path(entry.secretFile), entry);
      return new Issuer(entry, context.clock, undefined, secret);
    }
    const keys = keySetOf(entry.jwks ?? '', entry, context);
    const isFile = !/^https?:\/\//i.test(entry.jwks ?? '');
    if (isFile) await keys.load(signal);
    return new Issuer(entry, context.clock, keys, undefined);
  }

  private constructor(
    entry: TokenIssuer,
    clock: Clock,
    keys: KeySet | undefined,
    secret: Uint8Array | undefined,
  ) {
    this.entry = entry;
    this.#clock = clock;
    this.#keys = keys;
    this.#secret = secret;
    this.#algorithms = new Set(entry.algorithms);
    this.#types = new Set(entry.typ.map(mediaType));
  }

  /** Grows when the issuer's keys have changed. */
  get generation(): number {
    return this.#keys?.generation ?? 0;
  }

  /**
   * @throws {AuthenticationError} when the token isn't good.
   * @throws {RegistryError} `UNAVAILABLE` when nobody knows, because the issuer's keys can't be read.
   */
  async verify(
    token: string,
    { header, claims }: UnverifiedToken,
    signal: AbortSignal,
  ): Promise<TokenIdentity> {
    if (!this.#algorithms.has(header.alg))
      throw new AuthenticationError(
        'algorithm',
        'the token is signed by an algorithm that its issuer may not use here',
      );
    const typ = own(header, 'typ');
    if (typeof typ !== 'string' || !this.#types.has(mediaType(typ)))
      throw new AuthenticationError('type', `the token is not of the type ${this.entry.typ.join(' or ')}`);
    this.#checkTimes(claims);
    const { payload, generation } = await this.#verified(token, signal);
    return { ...this.#identity(payload), generation };
  }

  close(): void {
    this.#keys?.close();
  }

  /** Before anybody is asked for keys: most bad tokens have run out. Counts only together with the signature. */
  #checkTimes(claims: Readonly<Record<string, unknown>>): void {
    const { clockToleranceMs, maxLifetimeMs } = this.entry;
    const now = this.#clock.wallNow();
    const exp = secondsOf(claims, 'exp');
    if (exp === undefined) throw new AuthenticationError('claims', 'the token never ends: it needs exp');
    if (exp * 1_000 + clockToleranceMs <= now)
      throw new AuthenticationError('expired', 'the token has expired');
    if (exp * 1_000 > now + maxLifetimeMs + clockToleranceMs)
      throw new AuthenticationError(
        'lifetime',
        `the token is good for longer than ${maxLifetimeMs} ms from now`,
      );
    for (const claim of ['nbf', 'iat']) {
      const time = secondsOf(claims, claim);
      if (time !== undefined && time * 1_000 > now + clockToleranceMs)
        throw new AuthenticationError(
          'not-yet-valid',
          `the token is not good yet: ${claim} is in the future`,
        );
    }
  }

  async #verified(token: string, signal: AbortSignal): Promise<{ payload: JWTPayload; generation: number }> {
    const { issuer, audience, algorithms, clockToleranceMs } = this.entry;
    const options = {
      issuer,
      audience,
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockToleranceMs / 1_000,
      currentDate: new Date(this.#clock.wallNow()),
    };
    try {
      const keys = this.#keys;
      if (!keys) {
        const { payload } = await jwtVerify(token, this.#secret ?? new Uint8Array(), options);
        return { payload, generation: 0 };
      }
      let generation = 0;
      const keyFor = async (header: JWTHeaderParameters, input: FlattenedJWSInput): Promise<CryptoKey> => {
        const found = await keys.find(header, input, signal);
        generation = found.generation;
        return found.key;
      };
      const { payload } = await jwtVerify(token, keyFor, options);
      return { payload, generation };
    } catch (error) {
      throw asOurs(error);
    }
  }

  #identity(payload: JWTPayload): Omit<TokenIdentity, 'generation'> {
    const { claims: names, subjectPrefix, homeless, roles: mayGive, clockToleranceMs } = this.entry;
    const subject = nameIn('sub', payload.sub);
    const namespace = names.namespace && textIn(payload, names.namespace);
    const service = names.service && textIn(payload, names.service);
    if (names.namespace !== undefined && namespace === undefined && homeless === 'refuse')
      throw new AuthenticationError('claims', 'the token does not say of which namespace it is');
    if (service !== undefined && namespace === undefined)
      throw new AuthenticationError('claims', 'the token names a service and no namespace');
    const roles = names.roles === undefined ? [] : rolesIn(claimAt(payload, names.roles));
    return {
      subject: subjectPrefix + subject,
      roles: mayGive === undefined ? roles : roles.filter((role) => mayGive.includes(role)),
      ...(namespace !== undefined && { home: { namespace, ...(service !== undefined && { service }) } }),
      expiresAt: (payload.exp ?? 0) * 1_000 + clockToleranceMs,
    };
  }
}

async function readSecret(path: string, { algorithms }: TokenIssuer): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  // Editors end a file with a line break.
  const secret = bytes.subarray(0, bytes.at(-1) === 0x0a ? -1 : undefined);
  const least = Math.max(
    ...algorithms.map((algorithm) =>
      algorithm in HMAC_SECRET_BYTES ? HMAC_SECRET_BYTES[algorithm as 'HS256'] : 0,
    ),
  );
  if (secret.byteLength >= least) return new Uint8Array(secret);
  throw new RegistryError(
    'INVALID_CONFIG',
    `it has ${secret.byteLength} bytes: ${algorithms.join(' and ')} needs at least ${least} random ones`,
  );
}

/** Types are written with or without `application/`, in any case (RFC 7515, 4.1.9). */
function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

function secondsOf(claims: Readonly<Record<string, unknown>>, claim: string): number | undefined {
  const value = own(claims, claim);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new AuthenticationError('claims', `the token’s ${claim} is no time`);
  return value;
}

function claimAt(payload: JWTPayload, path: string | readonly string[]): unknown {
  let value: unknown = payload;
  for (const key of typeof path === 'string' ? [path] : path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = own(value as Record<string, unknown>, key);
  }
  return value;
}

function textIn(payload: JWTPayload, path: string | readonly string[]): string | undefined {
  const value = claimAt(payload, path);
  return value === undefined ? undefined : nameIn(typeof path === 'string' ? path : path.join('.'), value);
}

function nameIn(claim: string, value: unknown): string {
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  const isName = typeof value === 'string' && value !== '' && !/[\u0000-\u001F\u007F]/.test(value);
  if (!isName || value.length > MAX_NAME || !value.isWellFormed())
    throw new AuthenticationError('claims', `the token’s ${claim} is no name of 1 to ${MAX_NAME} characters`);
  return value;
}

/** A list, or names with spaces between, as `scope` is (RFC 8693, 4.2). */
function rolesIn(value: unknown): readonly string[] {
  const list: unknown =
    typeof value === 'string' ? value.split(' ').filter((role) => role !== '') : (value ?? []);
  if (!Array.isArray(list) || list.length > MAX_ROLES || !list.every((role) => typeof role === 'string'))
    throw new AuthenticationError('claims', `the token’s roles are no list of at most ${MAX_ROLES} names`);
  return list;
}

const BY_CLAIM: Readonly<Record<string, readonly ['audience' | 'issuer' | 'not-yet-valid', string]>> = {
  aud: ['audience', 'the token is for another audience'],
  iss: ['issuer', 'the token is of another issuer'],
  nbf: ['not-yet-valid', 'the token is not good yet'],
};

function asOurs(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return new AuthenticationError('expired', 'the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    const [reason, what] = Object.hasOwn(BY_CLAIM, error.claim) ? (BY_CLAIM[error.claim] ?? []) : [];
    return new AuthenticationError(reason ?? 'claims', what ?? 'the token lacks a claim, or has a wrong one');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new AuthenticationError('signature', 'the token’s signature is not its issuer’s');
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new AuthenticationError('algorithm', 'the token is signed by an algorithm that is not taken');
  if (error instanceof errors.JOSEError)
    return new AuthenticationError('malformed', 'the token can not be verified');
  if (error instanceof RegistryError || !(error instanceof TypeError)) return error;
  // jose refuses keys that are too short, or not for this algorithm.
  return new AuthenticationError('key', 'the issuer’s key can not be used for this token');
}
