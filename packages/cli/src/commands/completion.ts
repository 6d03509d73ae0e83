import type { Command } from '../command.ts';
import { completionScript, SHELLS } from '../completion-scripts.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { UsageError } from '../usage-error.ts';

/** The command `completion`, for a program with these commands. */
export function completionCommand(everyCommand: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'Writes the script that makes a shell complete the words',
    operands: 'bash|zsh|fish',
    arity: { min: 1, max: 1 },
    needsRegistry: false,
    options: {},
    details: `
  eval "$(rollcall completion bash)"
  eval "$(rollcall completion zsh)"
  rollcall completion fish > ~/.config/fish/completions/rollcall.fish
`,
    run: (line) => {
      const [wanted = ''] = line.operands;
      const shell = SHELLS.find((one) => one === wanted);
      if (!shell) throw new UsageError(`completion is for ${SHELLS.join(', ')}, not ${wanted}`, 'completion');
      const script = completionScript(shell, everyCommand());
      if (line.flag('json')) printJson({ shell, script });
      else process.stdout.write(script);
      return EXIT.ok;
    },
  };
}
