import { readFile } from 'node:fs/promises';
import { commandWord, readLine } from './command-line.ts';
import { commandNamed } from './command-named.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { commandHelp, programHelp } from './help.ts';
import { coloursOf, say } from './output.ts';
import { registryErrorCode } from './registry-error-code.ts';
import { UsageError } from './usage-error.ts';

/**
 * Does what `rollcall` with these words does, on the streams of this process. It never rejects.
 *
 * @param args the words behind `rollcall`.
 * @returns the exit code: 0 ok, 1 failed, 2 wrong usage, 3 the registry can't be reached, 4 it refuses.
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(args);
  } catch (error) {
    sayError(error, isVerbose(args));
    return exitCodeOf(error);
  }
}

async function runCommand(args: readonly string[]): Promise<number> {
  const word = commandWord(args, COMMANDS);
  if (word === undefined) {
    const [first] = args;
    if (first === '--version' || first === '-v') {
      process.stdout.write(`${await version()}\n`);
      return EXIT.ok;
    }
    if (first === undefined || first === '--help' || first === '-h') {
      const stream = first === undefined ? process.stderr : process.stdout;
      stream.write(programHelp(COMMANDS));
      return first === undefined ? EXIT.usage : EXIT.ok;
    }
    throw new UsageError(`a command is needed, not only ${first}`);
  }
  const command = commandNamed(word, COMMANDS);
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  if (own.includes('--help') || own.includes('-h')) {
    process.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  return await command.run(readLine(args, command, COMMANDS));
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  const { version: number } = JSON.parse(text) as { readonly version: string };
  return number;
}

function isVerbose(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).includes('--verbose');
}

function sayError(error: unknown, verbose: boolean): void {
  const { red } = coloursOf(process.stderr);
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${red('error')} `);
  say(message);
  if (error instanceof UsageError)
    say(`Try rollcall help${error.command === undefined ? '' : ` ${error.command}`}.`);
  if (!verbose || !(error instanceof Error)) return;
  const code = registryErrorCode(error);
  if (code !== undefined) say(`code ${code}`);
  if (error.stack !== undefined && !(error instanceof UsageError)) say(error.stack);
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    say(`caused by ${cause.message}`);
}
