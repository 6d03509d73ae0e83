import type { Command, Option } from './command.ts';
import { COMMON_OPTIONS, REGISTRY_OPTIONS } from './common-options.ts';

/** The help of the whole program. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map(
    ({ name, operands, summary }) => [`${name} ${operands}`.trim(), summary] as const,
  );
  return `Looks at a service registry and works with it, whichever it is.

  rollcall COMMAND [OPTIONS]

${columns(rows)}

The registry is the one that rollcall.config.* or ROLLCALL_… variables select, or these:

${columns(optionRows(REGISTRY_OPTIONS))}

Every command has:

${columns(optionRows(COMMON_OPTIONS))}

Exit codes: 0 ok, 1 it failed, 2 the command line or the configuration is wrong,
3 the registry can't be reached, 4 it refuses (credentials or rights).

rollcall help COMMAND says more. rollcall --version tells the version.
`;
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const synopsis = ['rollcall', command.name, command.operands].filter((word) => word !== '').join(' ');
  const own = optionRows(command.options);
  const shared = optionRows({ ...(command.needsRegistry && REGISTRY_OPTIONS), ...COMMON_OPTIONS });
  const rows = columns([...own, ...shared]);
  return `${command.summary}.

  ${synopsis} [OPTIONS]

${rows}
${command.details === '' ? '' : `\n${command.details.replaceAll(/^\n|\n$/g, '')}\n`}`;
}

function optionRows(options: Readonly<Record<string, Option>>): (readonly [string, string])[] {
  return Object.entries(options).map(([name, { short, value, says }]) => {
    const flags = `${short === undefined ? '' : `-${short}, `}--${name}`;
    return [value === undefined ? flags : `${flags} ${value}`, says] as const;
  });
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join('\n');
}
