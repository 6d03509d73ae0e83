import { UsageError } from './usage-error.ts';

/**
 * Splits `key=value`.
 *
 * @throws {UsageError} that names the option.
 */
export function parseAssignment(
  option: string,
  text: string,
): { readonly key: string; readonly value: string } {
  const at = text.indexOf('=');
  // The text isn't quoted: what was meant as a value may be a password.
  if (at < 1) throw new UsageError(`--${option} takes key=value, with a key before the =`);
  return { key: text.slice(0, at), value: text.slice(at + 1) };
}
