import { optionsOf } from '../command-line.ts';
import { commandNamed } from '../command-named.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { commandHelp, programHelp } from '../help.ts';
import { printJson } from '../output.ts';

/** The command `help`, for a program with these commands. */
export function helpCommand(everyCommand: () => readonly Command[]): Command {
  return {
    name: 'help',
    summary: 'Says how a command is used',
    operands: '[COMMAND]',
    arity: { min: 0, max: 1 },
    needsRegistry: false,
    options: {},
    details: '',
    run: (line) => {
      const [name] = line.operands;
      const commands = everyCommand();
      if (line.flag('json')) {
        printJson(
          name === undefined
            ? { commands: commands.map(described) }
            : described(commandNamed(name, commands)),
        );
        return EXIT.ok;
      }
      process.stdout.write(
        name === undefined ? programHelp(commands) : commandHelp(commandNamed(name, commands)),
      );
      return EXIT.ok;
    },
  };
}

/** A command as data: for programs that offer the words. */
function described(command: Command) {
  const { name, operands, summary } = command;
  const options = Object.entries(optionsOf(command)).map(([option, { value, multiple, says }]) => ({
    option: `--${option}`,
    ...(value !== undefined && { value }),
    ...(multiple && { repeatable: true }),
    says,
  }));
  return { name, operands, summary, options };
}
