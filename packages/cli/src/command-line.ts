import { parseArgs } from 'node:util';
import { didYouMean } from '@rollcall/core';
import type { Command, Option } from './command.ts';
import { COMMON_OPTIONS, REGISTRY_OPTIONS } from './common-options.ts';
import { UsageError } from './usage-error.ts';

/** A command line that was read and checked. */
export interface ParsedLine {
  readonly command: string;
  /** What follows the command's name, without options. */
  readonly operands: readonly string[];
  /** What stands behind `--`. */
  readonly rest: readonly string[];
  /** Whether a `boolean` option was given. */
  flag(option: string): boolean;
  /** The value of an option; the last one, where it was given twice. */
  text(option: string): string | undefined;
  /** Every value of an option. */
  texts(option: string): readonly string[];
}

/** Every option that a command has. */
export function optionsOf(command: Command): Readonly<Record<string, Option>> {
  return { ...command.options, ...(command.needsRegistry && REGISTRY_OPTIONS), ...COMMON_OPTIONS };
}

/** The name of the command in a line: its first word that is neither an option nor an option's value. */
export function commandWord(args: readonly string[], commands: readonly Command[]): string | undefined {
  const all = Object.assign({}, ...commands.map(optionsOf)) as Readonly<Record<string, Option>>;
  return parse(args, all).positionals[0];
}

/**
 * Reads the words behind `rollcall` for the command that they name.
 *
 * @throws {UsageError} that says what is wrong, and what was probably meant.
 */
export function readLine(
  args: readonly string[],
  command: Command,
  everyCommand: readonly Command[],
): ParsedLine {
  const known = optionsOf(command);
  const { tokens, positionals } = parse(args, known);
  const values = new Map<string, string[]>();
  const fail = (what: string): never => {
    throw new UsageError(what, command.name);
  };
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (!option) return fail(unknownOption(token.rawName, command, everyCommand));
    if (option.type === 'boolean') {
      if (token.value !== undefined) fail(`${token.rawName} takes no value`);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('-'))) {
      fail(`${token.rawName} needs a value: ${token.rawName}=${option.value ?? 'VALUE'}`);
    }
    values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? '']);
  }
  const terminator = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? Infinity;
  const places = tokens.filter(({ kind }) => kind === 'positional');
  const before = places.filter(({ index }) => index < terminator).length;
  const operands = positionals.slice(1, before);
  const rest = positionals.slice(before);
  if (rest.length > 0 && !command.takesCommand) fail(`${command.name} takes no command behind --`);
  const { min, max } = command.arity;
  if (operands.length < min) fail(`${command.name} needs ${command.operands}`);
  if (operands.length > max) {
    const extra = operands.slice(max).join(' ');
    fail(`${command.name} takes ${max === 0 ? 'no operand' : command.operands}, not also ${extra}`);
  }
  return {
    command: command.name,
    operands,
    rest,
    flag: (option) => values.has(option),
    text: (option) => values.get(option)?.at(-1),
    texts: (option) => values.get(option) ?? [],
  };
}

function parse(args: readonly string[], known: Readonly<Record<string, Option>>) {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { type, short }]) => [
      name,
      { type, multiple: true, ...(short !== undefined && { short }) },
    ]),
  );
  // Not strict: what is wrong is said in our words, with what was probably meant.
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
}

function unknownOption(given: string, command: Command, everyCommand: readonly Command[]): string {
  const names = Object.keys(optionsOf(command));
  const near = given.startsWith('--') ? didYouMean(given.slice(2), names) : undefined;
  if (near !== undefined) return `there is no option ${given}. Did you mean --${near}?`;
  const others = everyCommand.filter((other) => Object.hasOwn(other.options, given.replace(/^--/, '')));
  const verb = others.length > 1 ? 'have' : 'has';
  const hint = others.length === 0 ? '' : `; ${others.map(({ name }) => name).join(' and ')} ${verb} it`;
  return `${command.name} has no option ${given}${hint}`;
}
