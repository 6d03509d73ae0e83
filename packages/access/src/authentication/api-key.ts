import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ApiKeyEntry } from '../policy/schema.ts';

/** What every key starts with, so that a key that got somewhere is found by those who look for such. */
const PREFIX = 'rck_';

const SECRET_BYTES = 32;

/** `rck_{id}_{secret}`; no id has an underscore, and the secret is 32 bytes in base64url. */
const FORM = /^rck_([a-zA-Z\d.-]{1,64})_([\w-]{43})$/;

/** A key that was made: the text is for who uses it, and is told once; the hash is for the policy. */
export interface NewApiKey {
  /** What is sent as `Bearer`. */
  readonly key: string;
  /** What stands in the policy. */
  readonly hash: string;
}

/**
 * Makes an API key with a secret of 256 random bits.
 *
 * Its SHA-256 is all that is kept. The slow hashes that passwords need (scrypt, Argon2) make guessing dear where guessing is possible;
 * 2^256 secrets can't be guessed at any speed, and a slow hash would let anybody keep a gateway busy with wrong keys.
 */
export function createApiKey(id: string): NewApiKey {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { key: `${PREFIX}${id}_${secret}`, hash: hashOf(secret) };
}

function hashOf(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`;
}

export function isApiKey(credentials: string): boolean {
  return credentials.startsWith(PREFIX);
}

/** The entry whose key this is. It takes as long for a key whose id is unknown as for one with a wrong secret. */
export function findApiKey(
  credentials: string,
  entries: ReadonlyMap<string, ApiKeyEntry>,
): ApiKeyEntry | undefined {
  const [, id = '', secret = ''] = FORM.exec(credentials) ?? [];
  const entry = entries.get(id);
  const given = Buffer.from(hashOf(secret));
  const isRight = timingSafeEqual(given, Buffer.from(entry?.hash ?? NOBODYS));
  return isRight ? entry : undefined;
}

const NOBODYS = `sha256:${'0'.repeat(64)}`;
