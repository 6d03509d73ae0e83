import { createHash } from 'node:crypto';
import { DEFAULT_NAMESPACE } from '@rollcall/core';

/** What Nacos has where no namespace is given. To its gRPC an empty id would be another one. */
const PUBLIC = 'public';

/**
 * The id of the namespace in Nacos: the one that the options give, `public` for `default`, else the name itself. A name
 * that can't be an id, or would be that of another namespace, is hashed: Nacos takes 64 letters, digits, `-` and `_`.
 */
export function namespaceIdOf(name: string, given: Readonly<Record<string, string>>): string {
  if (Object.hasOwn(given, name)) return given[name] as string;
  if (name === DEFAULT_NAMESPACE) return PUBLIC;
  const isTaken = name === PUBLIC || HASHED.test(name) || Object.values(given).includes(name);
  if (PLAIN.test(name) && !isTaken) return name;
  return `rollcall-${createHash('sha256').update(name).digest('base64url')}`;
}

const PLAIN = /^[\w-]{1,64}$/u;
const HASHED = /^rollcall-[\w-]{43}$/u;
