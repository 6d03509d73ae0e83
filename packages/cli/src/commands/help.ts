import { commandNamed } from '../command-named.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { commandHelp, programHelp } from '../help.ts';

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
      process.stdout.write(
        name === undefined ? programHelp(commands) : commandHelp(commandNamed(name, commands)),
      );
      return EXIT.ok;
    },
  };
}
