import { parseArgs } from 'node:util';

import { isRegistryName, registryNames, type RegistryName } from './backends.ts';

/** What the command line asks for. */
export interface Options {
  readonly registry: RegistryName;
  readonly ttlMs: number;
  readonly callsPerSecond: number;
  readonly output: 'screen' | 'plain' | 'json';
}

/** A mistake in the command line: exit code 2. */
export class UsageError extends Error {}

export const HELP = `Three instances of a user-service and one caller, each a process of its own, find each other through a registry.
One instance is killed, another one started, a third one shut down; all the while the calls go on and are counted.

  npm start -- [options]

  --registry <name>          ${registryNames.join(' or ')} (file)
                             file needs no server: a folder that the processes share, made for this run;
                             any other is started on this machine, and prepared first where it is missing
  --ttl <seconds>            how long an instance stays listed after its last sign of life, 1 to 60 (3)
  --calls-per-second <n>     1 to 200 (25)
  --plain                    lines of text instead of a live screen; so it is also under NO_COLOR, and when the
                             output is no terminal
  --json                     one line of JSON for each thing that happens
  --help

Exit code: 0 when everything went as told, 1 when a step failed, 2 for a mistake in the command line.
`;

const OPTIONS = {
  registry: { type: 'string' },
  ttl: { type: 'string' },
  'calls-per-second': { type: 'string' },
  plain: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

export interface Terminal {
  readonly isTTY: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/** @throws {UsageError} that says what is wrong and what there is. */
export function readOptions(argv: readonly string[], terminal: Terminal): Options | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  if (values.plain && values.json)
    throw new UsageError('--plain and --json exclude each other: give one of them');
  return {
    registry: registryFrom(values.registry ?? 'file'),
    ttlMs: Math.round(numberFrom('--ttl', values.ttl ?? '3', 1, 60) * 1_000),
    callsPerSecond: numberFrom('--calls-per-second', values['calls-per-second'] ?? '25', 1, 200),
    output: values.json ? 'json' : values.plain || !canDraw(terminal) ? 'plain' : 'screen',
  };
}

function parse(argv: readonly string[]) {
  const known = Object.keys(OPTIONS)
    .map((name) => `--${name}`)
    .join(', ');
  const { tokens } = parseArgs({ args: [...argv], options: OPTIONS, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'option' && !Object.hasOwn(OPTIONS, token.name)) {
      throw new UsageError(`there is no option ${token.rawName}; there are ${known}`);
    }
    if (token.kind === 'positional')
      throw new UsageError(`"${token.value}" belongs to no option; there are ${known}`);
  }
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function registryFrom(name: string): RegistryName {
  if (isRegistryName(name)) return name;
  const which = `--registry takes ${registryNames.join(' or ')}, not ${name}`;
  if (name === 'memory') throw new UsageError(`${which}: memory lives in one process, and this runs several`);
  throw new UsageError(which);
}

function numberFrom(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max)) {
    throw new UsageError(`${option} takes a number from ${min} to ${max}, not ${text}`);
  }
  return value;
}

/** NO_COLOR counts when it is not empty (https://no-color.org). */
function canDraw({ isTTY, env }: Terminal): boolean {
  return isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}
