import { RegistryError } from './errors.ts';

/**
 * The longest a namespace, service name or instance id may be, in bytes of its {@link encodeSegment} form. It
 * leaves room for a suffix in a file name (255 bytes on common file systems), the tightest of the registries.
 */
export const MAX_SEGMENT_BYTES = 240;

/** The namespace of everything that doesn't say another. */
export const DEFAULT_NAMESPACE = 'default';

/**
 * Writes a name so that it is one safe piece of a key or path in any registry: percent-encoded as by
 * `encodeURIComponent`, and also `.` where it leads, so that `..` can't climb. Any well-formed string has exactly
 * one such form, and {@link decodeSegment} gives it back.
 */
export function encodeSegment(name: string): string {
  const encoded = encodeURIComponent(name);
  return encoded.startsWith('.') ? `%2E${encoded.slice(1)}` : encoded;
}

/** The inverse of {@link encodeSegment}; `undefined` for a segment that it didn't write. */
export function decodeSegment(segment: string): string | undefined {
  try {
    const name = decodeURIComponent(segment);
    return encodeSegment(name) === segment ? name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Refuses a name that can't be listed: empty, not a string, malformed Unicode, a control character, or longer
 * than {@link MAX_SEGMENT_BYTES} once encoded.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` that names `field`.
 */
export function checkName(field: string, name: unknown): string {
  const problem = nameProblem(name);
  if (problem) throw new RegistryError('INVALID_ARGUMENT', `${field} ${problem}`, { field });
  return name as string;
}

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `must be a string, but it is ${describe(name)}`;
  if (name === '') return 'is empty: give it a name';
  if (name.length > MAX_SEGMENT_BYTES) return tooLong(name.length);
  if (hasControlCharacter(name)) return 'holds a control character: use printable characters';
  if (!name.isWellFormed()) return 'is malformed Unicode (half of a surrogate pair)';
  // What stands for itself needs no encoding to know its length.
  if (/^[\w-]+$/u.test(name)) return undefined;
  const encoded = encodeSegment(name).length;
  return encoded > MAX_SEGMENT_BYTES ? tooLong(encoded) : undefined;
}

function tooLong(bytes: number): string {
  return `takes ${bytes} bytes once percent-encoded; the limit is ${MAX_SEGMENT_BYTES}`;
}

export function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f) return true;
  }
  return false;
}

/** How a wrong value is named in a message: short, and never its whole content. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value);
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
