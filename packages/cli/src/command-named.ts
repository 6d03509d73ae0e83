import { didYouMean } from '@rollcall/core';
import type { Command } from './command.ts';
import { UsageError } from './usage-error.ts';

/**
 * The command of this name.
 *
 * @throws {UsageError} with the nearest name that there is.
 */
export function commandNamed(name: string, commands: readonly Command[]): Command {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const names = commands.map((command) => command.name);
  const near = didYouMean(name, names);
  const hint = near === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${near}?`;
  throw new UsageError(`there is no command ${name}. ${hint}`);
}
