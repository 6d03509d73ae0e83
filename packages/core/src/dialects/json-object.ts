import { RegistryError } from '../errors.ts';

/** @throws {RegistryError} `PROTOCOL` when the text is not a JSON object. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RegistryError('PROTOCOL', 'is not JSON', { cause: error });
  }
  if (!isObject(value)) throw new RegistryError('PROTOCOL', 'is not a JSON object');
  return value;
}

/** Whether it is an object with members, and not an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
