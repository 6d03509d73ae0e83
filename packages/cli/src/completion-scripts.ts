import { optionsOf } from './command-line.ts';
import type { Command } from './command.ts';

/** The shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that makes a shell complete commands and options. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
    default:
      return shell satisfies never;
  }
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map(
    (command) =>
      `    ${command.name}) words="${[...flags(command), ...wordsAfter(command, commands)].join(' ')}" ;;`,
  );
  return `# rollcall: completion for bash. Put this into ~/.bashrc: eval "$(rollcall completion bash)"
_rollcall() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      ${commands.map(({ name }) => name).join('|')}) command="$word"; break ;;
    esac
  done
  case "$command" in
    "") words="${[...commands.map(({ name }) => name), '--help', '--version'].join(' ')}" ;;
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _rollcall rollcall
`;
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map(
    ({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`,
  );
  const cases = commands.map((command) => {
    const specs = Object.entries(optionsOf(command)).map(([name, { type, multiple, says, value }]) => {
      const repeat = multiple ? '*' : '';
      const end = type === 'string' ? `:${value ?? 'value'}:` : '';
      return quoted(`${repeat}--${name}[${says.replaceAll(/[[\]:]/g, '\\$&')}]${end}`);
    });
    const after = wordsAfter(command, commands);
    const operand = quoted(after.length > 0 ? `*:word:(${after.join(' ')})` : '*:operand:_default');
    return `      ${command.name}) _arguments ${[...specs, operand].join(' ')} ;;`;
  });
  return `#compdef rollcall
# rollcall: completion for zsh. Put this into ~/.zshrc, after compinit: eval "$(rollcall completion zsh)"
_rollcall() {
  local -a commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
  else
    local command=\${words[2]}
    shift words
    (( CURRENT-- ))
    case $command in
${cases.join('\n')}
    esac
  fi
}
compdef _rollcall rollcall
`;
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c rollcall -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
    ...Object.entries(optionsOf(command)).map(([name, { type, short, says }]) =>
      [
        `complete -c rollcall -n '__fish_seen_subcommand_from ${command.name}' -l ${name}`,
        ...(short === undefined ? [] : [`-s ${short}`]),
        ...(type === 'string' ? ['-r'] : []),
        `-d ${quoted(says)}`,
      ].join(' '),
    ),
    ...wordsAfter(command, commands).map(
      (word) => `complete -c rollcall -n '__fish_seen_subcommand_from ${command.name}' -f -a ${word}`,
    ),
  ]);
  return `# rollcall: completion for fish. rollcall completion fish > ~/.config/fish/completions/rollcall.fish
${lines.join('\n')}
`;
}

function flags(command: Command): readonly string[] {
  return Object.keys(optionsOf(command)).map((name) => `--${name}`);
}

/** The words that are known to follow a command. Names of services are not asked for: a registry may be far away. */
function wordsAfter({ name }: Command, commands: readonly Command[]): readonly string[] {
  if (name === 'completion') return SHELLS;
  if (name === 'policy') return ['check', 'explain', 'render', 'key'];
  return name === 'help' ? commands.map((one) => one.name) : [];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
