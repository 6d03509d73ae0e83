import { RegistryError } from '@rollcall/core';

/** @param field as a user writes it, such as `slowStart.windowMs`. */
export function invalid(field: string, problem: string): RegistryError {
  return new RegistryError('INVALID_ARGUMENT', `${field} ${problem}`, { field });
}
