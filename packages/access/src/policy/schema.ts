import { didYouMean, namespaceRulesSchema } from '@rollcall/core';
import * as z from 'zod';
import { VERBS } from '../contract.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The longest pattern: a name has at most 240 bytes. */
const MAX_PATTERN = 240;

/** Signatures by a private key, which only the issuer has. `none` is not among them. */
export const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** Signatures by a secret that issuer and reader share, with the least bytes of the secret: as many as the hash has (RFC 7518, 3.2). */
export const HMAC_SECRET_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;
const HMAC = ['HS256', 'HS384', 'HS512'] as const satisfies readonly (keyof typeof HMAC_SECRET_BYTES)[];

const pattern = z.string().min(1).max(MAX_PATTERN);
const name = z
  .string()
  .min(1)
  .max(MAX_PATTERN)
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  .refine((text) => !/[\u0000-\u001F\u007F]/.test(text), 'holds a control character: use printable ones');
const roleNames = z.array(z.string().min(1)).max(64);

const permission = z.strictObject({
  verbs: z
    .array(z.enum([...VERBS, '*']))
    .min(1)
    .describe(`What may be done: ${VERBS.join(', ')}, or * for all of it.`),
  namespaces: z
    .array(pattern)
    .min(1)
    .describe(
      'In which namespaces. * stands for any text; {namespace} for the home of who asks, and {service} for its service.',
    ),
  services: z
    .array(pattern)
    .min(1)
    .default(['*'])
    .describe('To which services; as namespaces. Defaults to all.'),
});

const subject = z.strictObject({
  subject: pattern.describe('The subject of a token; * stands for any text.'),
  roles: roleNames.min(1),
});

/** The claim of this name; a list goes into objects: `[realm_access, roles]`. */
const claim = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(8)]);

const token = z
  .strictObject({
    issuer: z.string().min(1).describe('The claim `iss` of its tokens, letter by letter.'),
    audience: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .describe('What the claim `aud` must name: this registry. Of a list, any.'),
    algorithms: z
      .array(z.enum([...ASYMMETRIC, ...HMAC]))
      .min(1)
      .describe('The algorithms that its tokens may be signed by.'),
    jwks: z
      .string()
      .min(1)
      .exactOptional()
      .describe('Where its public keys are: an https address, or a file, relative to the policy file.'),
    secretFile: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'For HS256 and its kin: the file that holds the secret, as many random bytes as the hash has.',
      ),
    typ: z
      .array(z.string().min(1))
      .min(1)
      .default(['at+jwt', 'JWT'])
      .describe('The types that the header may have. Defaults to at+jwt and JWT.'),
    claims: z
      .strictObject({
        roles: claim.exactOptional(),
        namespace: claim.exactOptional(),
        service: claim.exactOptional(),
      })
      .prefault({})
      .describe(
        'The claims that hold roles, a list or a text with spaces, and the home of who has the token.',
      ),
    homeless: z
      .enum(['refuse', 'allow'])
      .default('refuse')
      .describe(
        'A token without the claim of claims.namespace: refuse it, or take it for a user without a home, bound by roles alone.',
      ),
    subjectPrefix: z
      .string()
      .max(MAX_PATTERN)
      .default('')
      .describe('Stands before the subjects of this issuer, so that they are nobody else’s.'),
    roles: roleNames.exactOptional().describe('The only roles that its tokens may give. All when left out.'),
    clockToleranceMs: z
      .int()
      .min(0)
      .max(MINUTE_MS)
      .default(5_000)
      .describe('How far its clock and ours may differ. Milliseconds. Defaults to 5 000.'),
    maxLifetimeMs: z
      .int()
      .min(1_000)
      .max(366 * 24 * HOUR_MS)
      .default(24 * HOUR_MS)
      .describe(
        'A token that is good for longer than this from now is refused. Milliseconds. Defaults to a day.',
      ),
    jwksTimeoutMs: z
      .int()
      .min(100)
      .max(MINUTE_MS)
      .default(5_000)
      .describe('How long reading the keys may take.'),
    jwksCacheMs: z
      .int()
      .min(1_000)
      .max(24 * HOUR_MS)
      .default(10 * MINUTE_MS)
      .describe('How often the keys are read anew. Milliseconds. Defaults to 600 000.'),
    jwksCooldownMs: z
      .int()
      .min(100)
      .max(HOUR_MS)
      .default(30_000)
      .describe(
        'After a read, this long no unknown key makes for another one. Milliseconds. Defaults to 30 000.',
      ),
    jwksMaxStaleMs: z
      .int()
      .min(0)
      .max(7 * 24 * HOUR_MS)
      .default(HOUR_MS)
      .describe(
        'While the keys can’t be read, the last ones count for this long beyond jwksCacheMs. Milliseconds. Defaults to 3 600 000.',
      ),
  })
  .superRefine((entry, context) => {
    const issue = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    const shared = entry.algorithms.filter((algorithm) => algorithm.startsWith('HS'));
    if (shared.length > 0 && shared.length < entry.algorithms.length) {
      // A public key must never be taken for the secret of an HMAC.
      issue('algorithms', 'mixes secrets (HS…) with public keys: an issuer signs by one of both');
    } else if (shared.length > 0) {
      if (entry.jwks !== undefined) issue('jwks', 'is for public keys: HS… needs secretFile instead');
      if (entry.secretFile === undefined) issue('secretFile', 'is missing: HS… needs a secret of its own');
    } else {
      if (entry.secretFile !== undefined) issue('secretFile', 'is for HS…: public keys are told by jwks');
      if (entry.jwks === undefined) issue('jwks', 'is missing: say where the issuer’s public keys are');
    }
    if (entry.jwks !== undefined && /^[a-z][a-z\d+.-]*:\/\//i.test(entry.jwks)) {
      const problem = addressProblem(entry.jwks);
      if (problem !== undefined) issue('jwks', problem);
    }
    if (entry.claims.service !== undefined && entry.claims.namespace === undefined)
      issue('claims', 'has a service without a namespace: a home is both, or a namespace');
  });

function addressProblem(address: string): string | undefined {
  const url = URL.parse(address);
  if (url === null) return 'is no address such as https://id.example/jwks';
  if (url.username !== '' || url.password !== '') return 'holds credentials: public keys need none';
  const isHere = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere))
    return 'must be https: over http anybody on the way could put keys of their own there';
  return undefined;
}

const key = z.strictObject({
  id: z
    .string()
    .regex(/^[a-zA-Z\d.-]{1,64}$/, 'must be 1 to 64 letters, digits, . and -')
    .describe('Which key it is: the part after rck_.'),
  hash: z
    .string()
    // A custom message: what stands there by mistake may be the key itself.
    .refine(
      (text) => /^sha256:[\da-f]{64}$/.test(text),
      'must be sha256: and 64 hexadecimal digits, as `rollcall policy key create` writes it',
    )
    .describe('The SHA-256 of the secret.'),
  subject: name.describe('Who has it.'),
  roles: roleNames.default([]),
  namespace: name.exactOptional().describe('Its home.'),
  service: name.exactOptional(),
  expires: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2027-01-31T00:00:00Z' })
    .exactOptional()
    .describe('From then on it is refused. Never when left out.'),
});

/** Checks a policy, and fills in the defaults. */
export const policySchema = z
  .strictObject({
    ...namespaceRulesSchema.unwrap().shape,
    roles: z
      .record(z.string().min(1).max(MAX_PATTERN), z.array(permission))
      .describe('What each role may do. A role may do nothing but what stands here.'),
    subjects: z
      .array(subject)
      .default([])
      .describe('Roles by subject, beside those that tokens and keys give.'),
    tokens: z.array(token).default([]).describe('Whose tokens (JWT) are good.'),
    keys: z.array(key).default([]).describe('API keys, for machines.'),
    anonymous: z
      .strictObject({ roles: roleNames })
      .exactOptional()
      .describe('Who shows no credentials has these roles. Left out: is refused.'),
  })
  .superRefine((policy, context) => {
    const issue = (path: PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const known = Object.keys(policy.roles);
    const checkRoles = (roles: readonly string[] | undefined, path: PropertyKey[]) => {
      for (const [i, role] of (roles ?? []).entries()) {
        if (Object.hasOwn(policy.roles, role)) continue;
        const near = didYouMean(role, known);
        const hint = near === undefined ? `roles has ${known.join(', ') || 'none'}` : `did you mean ${near}?`;
        issue([...path, 'roles', i], `is a role that is not there: ${hint}`);
      }
    };
    for (const [i, { roles }] of policy.subjects.entries()) checkRoles(roles, ['subjects', i]);
    for (const [i, { roles, ...one }] of policy.keys.entries()) {
      checkRoles(roles, ['keys', i]);
      if (policy.keys.findIndex(({ id }) => id === one.id) < i)
        issue(['keys', i, 'id'], 'is the id of another key: take one of its own');
      if (one.service !== undefined && one.namespace === undefined)
        issue(['keys', i, 'service'], 'needs a namespace too: a home is both, or a namespace');
    }
    for (const [i, { roles, issuer, subjectPrefix }] of policy.tokens.entries()) {
      checkRoles(roles, ['tokens', i]);
      const before = policy.tokens.slice(0, i);
      if (before.some((other) => other.issuer === issuer))
        issue(['tokens', i, 'issuer'], 'is there twice: an issuer has one entry');
      else if (before.some((other) => other.subjectPrefix === subjectPrefix))
        issue(
          ['tokens', i, 'subjectPrefix'],
          'is that of another issuer, whose subjects would be the same people: give each its own',
        );
    }
    if (policy.anonymous) checkRoles(policy.anonymous.roles, ['anonymous']);
  });

/** A policy as it is written. */
export type PolicyInput = z.input<typeof policySchema>;

/** A policy, checked and complete. */
export type PolicyDocument = z.output<typeof policySchema>;

/** Who may do what, by one role. */
export type Permission = z.output<typeof permission>;

/** Whose tokens are good. */
export type TokenIssuer = z.output<typeof token>;

/** An API key, without its secret. */
export type ApiKeyEntry = z.output<typeof key>;
