import { invalidArgument } from '@rollcall/core';

/** @throws {RegistryError} `INVALID_ARGUMENT` that names the first option at fault. */
export function checkOptions<Name extends string>(
  options: Readonly<Record<Name, number>>,
  { times, counts }: { readonly times: readonly Name[]; readonly counts: readonly Name[] },
): void {
  for (const field of times) if (!(options[field] > 0)) throw invalidArgument(field, 'must be above 0');
  for (const field of counts)
    if (!(options[field] >= 1)) throw invalidArgument(field, 'must be a number from 1');
}
