import { type ServiceKey, DEFAULT_NAMESPACE, type InstanceKey, RegistryError } from '@rollcall/core';

/** Between the parts of a name: no part holds it, as `~` is always followed by two digits of hexadecimal in one. */
const BETWEEN = '~~';

/**
 * Writes any name with letters that mean nothing to a URL, and none in upper case: Consul's catalog takes `A` and `a` for
 * the same. What is plain stays as it is; each other byte of its UTF-8 becomes `~` and two digits. So `user-service` is
 * found by DNS, and `10.0.0.7:8080` is read by people.
 */
export function encodeName(name: string): string {
  let encoded = '';
  for (const byte of Buffer.from(name)) {
    const letter = String.fromCharCode(byte);
    // A name that starts with a dot could be taken for `.` or `..`.
    const isPlain = PLAIN.test(letter) && !(letter === '.' && encoded === '');
    encoded += isPlain ? letter : `~${byte.toString(16).padStart(2, '0')}`;
  }
  // Consul's own servers are listed under this name.
  return encoded === 'consul' ? '~63onsul' : encoded;
}

const PLAIN = /[a-z0-9._:-]/u;

/** The inverse of {@link encodeName}; `undefined` for what it didn't write. */
export function decodeName(encoded: string): string | undefined {
  const percent = encoded.replaceAll('%', '~25').replaceAll(/~([0-9a-f]{2})/gu, '%$1');
  try {
    const name = decodeURIComponent(percent);
    return name !== '' && encodeName(name) === encoded ? name : undefined;
  } catch {
    return undefined;
  }
}

/** The name of a service that has its namespace in it: `user-service`, `blue~~user-service`. */
export function encodeServiceName({ namespace, service }: ServiceKey): string {
  const prefix = namespace === DEFAULT_NAMESPACE ? '' : encodeName(namespace) + BETWEEN;
  return prefix + encodeName(service);
}

/** The inverse of {@link encodeServiceName}; `undefined` for one of another namespace, and for what it didn't write. */
export function decodeServiceName(encoded: string, namespace: string): string | undefined {
  const parts = encoded.split(BETWEEN);
  const [prefix, name] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 2 || name === undefined) return undefined;
  const expected = namespace === DEFAULT_NAMESPACE ? undefined : encodeName(namespace);
  return prefix === expected ? decodeName(name) : undefined;
}

/**
 * The ID of an entry. Consul has one flat space of them for each agent, so namespace and service are in it:
 * `user-service~~10.0.0.7:8080`.
 */
export function encodeServiceId(key: InstanceKey): string {
  return encodeServiceName(key) + BETWEEN + encodeName(key.id);
}

/** The inverse of {@link encodeServiceId} for an entry of that service; `undefined` for what it didn't write. */
export function decodeServiceId(encoded: string, key: ServiceKey): string | undefined {
  const prefix = encodeServiceName(key) + BETWEEN;
  return encoded.startsWith(prefix) ? decodeName(encoded.slice(prefix.length)) : undefined;
}

/** Refuses a name that other frameworks' readers couldn't ask for. */
export function plainServiceName({ service }: ServiceKey): string {
  if (!service.includes('/') && service !== '.' && service !== '..' && service !== 'consul') return service;
  const message =
    'service is `.`, `..` or `consul`, or holds a slash: use another name, or the layout rollcall';
  throw new RegistryError('INVALID_ARGUMENT', message, { field: 'service' });
}
