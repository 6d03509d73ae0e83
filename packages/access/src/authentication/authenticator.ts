import { type Clock, RegistryError } from '@rollcall/core';
import type { Principal } from '../contract.ts';
import type { CompiledPolicy } from '../policy/compiled-policy.ts';
import type { ApiKeyEntry } from '../policy/schema.ts';
import { findApiKey, isApiKey } from './api-key.ts';
import { AuthenticationError } from './authentication-error.ts';
import { TokenCache } from './token-cache.ts';
import { Issuer, type TokenIdentity } from './token-issuer.ts';
import { MAX_TOKEN_BYTES, own, takeApart } from './unverified-token.ts';

export interface AuthenticatorOptions {
  readonly clock: Clock;
  /** Where a file of the policy is. */
  readonly path: (file: string) => string;
  readonly cachedTokens: number;
  readonly signal: AbortSignal;
  /** Of the policy before: issuers that haven't changed keep their keys. */
  readonly before: Authenticator | undefined;
}

/** By what a principal was let in; roles are found anew from it when the policy changes. */
type Origin =
  | { readonly by: 'token'; readonly entry: string; readonly roles: readonly string[] }
  | { readonly by: 'key'; readonly entry: string; readonly id: string }
  | { readonly by: 'name' }
  | { readonly by: 'nothing' };

const ORIGINS = new WeakMap<Principal, Origin>();

/** Finds out who somebody is, by one policy. */
export class Authenticator {
  readonly #compiled: CompiledPolicy;
  readonly #clock: Clock;
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #keys: ReadonlyMap<string, ApiKeyEntry>;
  readonly #keyHolders = new Map<ApiKeyEntry, Principal>();
  readonly #tokens: TokenCache;
  readonly #anonymous: Principal | undefined;

  /** @throws {RegistryError} `INVALID_CONFIG` that names the files of the policy that can't be used. */
  static async open(compiled: CompiledPolicy, options: AuthenticatorOptions): Promise<Authenticator> {
    const issuers = new Map<string, Issuer>();
    const made: Issuer[] = [];
    try {
      for (const [i, entry] of compiled.document.tokens.entries()) {
        const same = options.before?.issuerLike(entry);
        const issuer = same ?? (await openIssuer(entry, i, options));
        if (!same) made.push(issuer);
        issuers.set(entry.issuer, issuer);
      }
    } catch (error) {
      for (const issuer of made) issuer.close();
      throw error;
    }
    for (const issuer of options.before?.issuers() ?? []) {
      if (issuers.get(issuer.entry.issuer) !== issuer) issuer.close();
    }
    return new Authenticator(compiled, issuers, options);
  }

  private constructor(
    compiled: CompiledPolicy,
    issuers: ReadonlyMap<string, Issuer>,
    { clock, cachedTokens }: AuthenticatorOptions,
  ) {
    const { keys, anonymous } = compiled.document;
    this.#compiled = compiled;
    this.#clock = clock;
    this.#issuers = issuers;
    this.#keys = new Map(keys.map((entry) => [entry.id, entry]));
    this.#tokens = new TokenCache(cachedTokens);
    if (anonymous) {
      this.#anonymous = Object.freeze({
        subject: 'anonymous',
        kind: 'anonymous',
        roles: anonymous.roles,
      });
      ORIGINS.set(this.#anonymous, { by: 'nothing' });
    }
  }

  async authenticate(authorization: string | undefined, signal: AbortSignal): Promise<Principal> {
    if (authorization === undefined || authorization === '') {
      if (this.#anonymous) return this.#anonymous;
      throw new AuthenticationError('missing', 'credentials are needed: a token or an API key');
    }
    if (authorization.length > MAX_TOKEN_BYTES + 'Bearer '.length)
      throw new AuthenticationError('too-large', `the token has more than ${MAX_TOKEN_BYTES} bytes`);
    const credentials = /^bearer +([\w.~+/=-]+)$/i.exec(authorization)?.[1];
    if (credentials === undefined)
      throw new AuthenticationError('malformed', 'the credentials are not `Bearer` and one token or API key');
    return isApiKey(credentials) ? this.#byKey(credentials) : await this.#byToken(credentials, signal);
  }

  /**
   * The roles that a principal has by this policy. `undefined` when the policy no longer lets it in. One that wasn't made by
   * authentication has the roles that it says.
   */
  rolesNow(principal: Principal): readonly string[] | undefined {
    const origin = ORIGINS.get(principal);
    if (!origin) return principal.roles;
    switch (origin.by) {
      case 'name':
        return this.#compiled.rolesOf(principal.subject, []);
      case 'nothing':
        return this.#anonymous?.roles;
      case 'key': {
        const entry = this.#keys.get(origin.id);
        if (!entry || identityOf(entry) !== origin.entry) return undefined;
        return this.#compiled.rolesOf(principal.subject, entry.roles);
      }
      case 'token': {
        const isThere = [...this.#issuers.values()].some(
          ({ entry }) => JSON.stringify(entry) === origin.entry,
        );
        return isThere ? this.#compiled.rolesOf(principal.subject, origin.roles) : undefined;
      }
      default:
        return origin satisfies never;
    }
  }

  /** A principal that somebody else vouches for, such as who checked a certificate. */
  principalOf(subject: string, home: Principal['home']): Principal {
    const principal: Principal = Object.freeze({
      subject,
      kind: home?.service === undefined ? 'user' : 'service',
      roles: this.#compiled.rolesOf(subject, []),
      ...(home && { home: Object.freeze({ ...home }) }),
    });
    ORIGINS.set(principal, { by: 'name' });
    return principal;
  }

  /** The issuer of an entry that says the same, with the keys that it has. */
  issuerLike(entry: Issuer['entry']): Issuer | undefined {
    const issuer = this.#issuers.get(entry.issuer);
    // Files are read anew: a policy is often written again because of them.
    const isSame =
      issuer && entry.secretFile === undefined && JSON.stringify(issuer.entry) === JSON.stringify(entry);
    return isSame ? issuer : undefined;
  }

  issuers(): readonly Issuer[] {
    return [...this.#issuers.values()];
  }

  close(): void {
    for (const issuer of this.#issuers.values()) issuer.close();
  }

  #byKey(credentials: string): Principal {
    const entry = findApiKey(credentials, this.#keys);
    if (!entry) throw new AuthenticationError('api-key', 'the API key is not one of the policy');
    const expiresAt = entry.expires === undefined ? undefined : Date.parse(entry.expires);
    if (expiresAt !== undefined && expiresAt <= this.#clock.wallNow())
      throw new AuthenticationError('expired', 'the API key has expired');
    const known = this.#keyHolders.get(entry);
    if (known) return known;
    const { namespace, service } = entry;
    const principal: Principal = Object.freeze({
      subject: entry.subject,
      kind: 'key',
      roles: this.#compiled.rolesOf(entry.subject, entry.roles),
      ...(namespace !== undefined && {
        home: Object.freeze({ namespace, ...(service !== undefined && { service }) }),
      }),
      ...(expiresAt !== undefined && { expiresAt }),
    });
    ORIGINS.set(principal, { by: 'key', id: entry.id, entry: identityOf(entry) });
    this.#keyHolders.set(entry, principal);
    return principal;
  }

  async #byToken(token: string, signal: AbortSignal): Promise<Principal> {
    const key = TokenCache.keyOf(token);
    const cached = this.#tokens.get(key, this.#clock.wallNow());
    if (cached && cached.issuer.generation === cached.generation) return cached.principal;
    const parts = takeApart(token);
    const iss = own(parts.claims, 'iss');
    const issuer = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    if (!issuer)
      throw new AuthenticationError('issuer', 'the token is of an issuer that the policy does not have');
    const identity = await issuer.verify(token, parts, signal);
    const principal = this.#principalOf(identity, issuer);
    const { expiresAt, generation } = identity;
    this.#tokens.set(key, { principal, expiresAt, issuer, generation });
    return principal;
  }

  #principalOf({ subject, roles, home, expiresAt }: TokenIdentity, { entry }: Issuer): Principal {
    const principal: Principal = Object.freeze({
      subject,
      kind: home?.service === undefined ? 'user' : 'service',
      roles: this.#compiled.rolesOf(subject, roles),
      ...(home && { home: Object.freeze(home) }),
      expiresAt,
    });
    ORIGINS.set(principal, { by: 'token', entry: JSON.stringify(entry), roles });
    return principal;
  }
}

/** What must stay the same for a key to be the same one: who has it, with which secret, at home where. */
function identityOf({ hash, subject, namespace, service, expires }: ApiKeyEntry): string {
  return JSON.stringify([hash, subject, namespace, service, expires]);
}

async function openIssuer(
  entry: Issuer['entry'],
  i: number,
  { clock, path, signal }: AuthenticatorOptions,
): Promise<Issuer> {
  try {
    return await Issuer.open(entry, { clock, path }, signal);
  } catch (error) {
    const field = `tokens[${i}].${entry.secretFile === undefined ? 'jwks' : 'secretFile'}`;
    const why = error instanceof RegistryError ? error.message : "can't be read: is the path right?";
    throw new RegistryError('INVALID_CONFIG', `Invalid policy: ${field}: ${why}`, { field, cause: error });
  }
}
