import { AuthenticationError } from './authentication-error.ts';
import { parseStrictJson } from './strict-json.ts';

/** The parts of a token that somebody sent. Nothing of it is to be believed before its signature was verified. */
export interface UnverifiedToken {
  readonly header: Readonly<Record<string, unknown>> & { readonly alg: string; readonly kid?: string };
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The longest token that is read, in bytes. Each is refused before anything in it is looked at. */
export const MAX_TOKEN_BYTES = 8 * 1024;

const MAX_KID = 256;

/**
 * Header fields by which a token brings its own key, or says where to get it (RFC 7515, 4.1), and extensions that must be understood:
 * the issuer's keys are those of the policy, and no extension is.
 */
const FORBIDDEN = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'b64'] as const;

/**
 * Takes a compact JWS (RFC 7515, 7.1) apart.
 *
 * @throws {AuthenticationError}
 */
export function takeApart(token: string): UnverifiedToken {
  if (token.length > MAX_TOKEN_BYTES)
    throw new AuthenticationError('too-large', `the token has more than ${MAX_TOKEN_BYTES} bytes`);
  const [head = '', body = '', signature = '', ...more] = token.split('.', 4);
  if (body === '' || more.length > 0)
    throw new AuthenticationError('malformed', 'the token is not signed: it is not of three parts');
  if (signature === '') throw new AuthenticationError('signature', 'the token has no signature');
  decode(signature, 'signature');
  const header = objectIn(head, 'header');
  for (const field of FORBIDDEN) {
    if (Object.hasOwn(header, field))
      throw new AuthenticationError('header', `the token’s header has ${field}, which is not taken`);
  }
  const alg = own(header, 'alg');
  const kid = own(header, 'kid');
  if (typeof alg !== 'string')
    throw new AuthenticationError('algorithm', 'the token’s header has no algorithm');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID))
    throw new AuthenticationError('header', 'the token’s header has a kid that is no short text');
  return { header: { ...header, alg, ...(kid !== undefined && { kid }) }, claims: objectIn(body, 'claims') };
}

/** A property of its own: nothing that a prototype has. */
export function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function objectIn(part: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseStrictJson(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(decode(part, what)),
    );
  } catch (error) {
    if (error instanceof AuthenticationError) throw error;
    const why = error instanceof SyntaxError ? error.message : 'is not UTF-8';
    throw new AuthenticationError('malformed', `the token’s ${what} ${why}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AuthenticationError('malformed', `the token’s ${what} is no object`);
  return value as Record<string, unknown>;
}

/** One text has one form, so that nobody gets past a list of refused tokens by another spelling. */
function decode(part: string, what: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (part === '' || bytes.toString('base64url') !== part)
    throw new AuthenticationError('malformed', `the token’s ${what} is not base64url`);
  return bytes;
}
