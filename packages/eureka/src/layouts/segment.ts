/**
 * Writes a name with letters, digits and `-` alone, where upper and lower case are the same: letters as they are, all else,
 * capitals too, as `_` and two hexadecimal digits for each byte. Eureka writes apps in capitals, so `users` and `Users` would
 * be one without it; and no proxy, firewall or path rule finds anything to change in it.
 */
export function encodeApp(name: string): string {
  return escape(name, /[^a-z0-9-]/gu).toUpperCase();
}

/** The inverse of {@link encodeApp}; `undefined` for what it didn't write. */
export function decodeApp(segment: string): string | undefined {
  const name = unescape(segment.toLowerCase());
  return name !== undefined && encodeApp(name) === segment ? name : undefined;
}

/** As {@link encodeApp}, where case is kept: an id such as `10.0.0.7:8080` stays as it is. */
export function encodeId(id: string): string {
  return escape(id, /[^A-Za-z0-9.:-]/gu);
}

/** The inverse of {@link encodeId}; `undefined` for what it didn't write. */
export function decodeId(segment: string): string | undefined {
  const id = unescape(segment);
  return id !== undefined && encodeId(id) === segment ? id : undefined;
}

function escape(name: string, escaped: RegExp): string {
  return name.replace(escaped, (character) =>
    [...new TextEncoder().encode(character)]
      .map((byte) => `_${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

function unescape(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment.replaceAll('%', '_').replaceAll('_', '%'));
  } catch {
    return undefined;
  }
}
