import { describe } from '../names.ts';
import { isPlainObject } from './tree.ts';

/** The words of a key that say that its value is a credential, whatever stands beside them. */
const SECRET_WORDS: ReadonlySet<string> = new Set([
  'auth',
  'authorization',
  'cookie',
  'credential',
  'credentials',
  'pass',
  'passphrase',
  'passwd',
  'password',
  'pfx',
  'pwd',
  'secret',
  'token',
]);

/** What stands in place of a credential. */
const HIDDEN = '***';

/**
 * Whether the value at this path must not be shown. A last word `key` counts (`tls.key`, `accessKey`), a leading
 * one doesn't (`keyPrefix`). It would rather hide too much.
 */
export function isSecretPath(path: readonly PropertyKey[]): boolean {
  return path.some((segment) => {
    const words = wordsOf(segment);
    return words.some((word) => SECRET_WORDS.has(word)) || (words.at(-1) ?? '').endsWith('key');
  });
}

/** A user name is no secret, but a wrong one is often `name:password`. */
function isUserName(path: readonly PropertyKey[]): boolean {
  return path.some((segment) => wordsOf(segment).some((word) => word === 'user' || word === 'username'));
}

function wordsOf(segment: PropertyKey): string[] {
  return String(segment)
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/);
}

/** How a wrong value is named in a message: as by `describe`, without any credential. */
export function describeValue(path: readonly PropertyKey[], value: unknown): string {
  if (isSecretPath(path) || isUserName(path))
    return typeof value === 'object' && value !== null ? describe(value) : `a ${typeof value}`;
  return hideUrlCredentials(describe(value));
}

/** Takes user names, passwords and tokens out of the URLs in a text. */
export function hideUrlCredentials(text: string): string {
  return text
    .replaceAll(/([a-z][a-z\d+.-]*:\/\/)[^\s"'`]*@/gi, `$1${HIDDEN}@`)
    .replaceAll(/[^\s"'`/:]+:[^\s"'`/][^\s"'`]*@/g, `${HIDDEN}@`)
    .replaceAll(/([?&][^=&\s]*(?:token|password|secret|key|auth)[^=&\s]*=)[^&\s"'`]+/gi, `$1${HIDDEN}`);
}

/**
 * Takes the credentials of `value` out of a message that others wrote (a validator, an adapter, a client library):
 * every text under a secret key is replaced where it occurs.
 */
export function hideSecrets(message: string, value: unknown): string {
  let hidden = message;
  for (const secret of secretTexts(value, [])) hidden = hidden.replaceAll(secret, HIDDEN);
  return hideUrlCredentials(hidden);
}

function secretTexts(value: unknown, path: readonly string[]): string[] {
  if (typeof value === 'string') return value !== '' && isSecretPath(path) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => secretTexts(item, path));
  if (!isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => secretTexts(item, [...path, key]));
}
