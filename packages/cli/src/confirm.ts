import { createInterface } from 'node:readline/promises';
import type { ParsedLine } from './command-line.ts';
import { say } from './output.ts';
import { UsageError } from './usage-error.ts';

/**
 * Checks, before anything is tried, that the command may go on: `--yes` was given, or somebody can be asked.
 *
 * @throws {UsageError}
 */
export function checkCanAsk(line: ParsedLine): void {
  if (line.flag('yes') || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new UsageError(`${line.command} needs --yes where nobody can be asked`, line.command);
}

/** Whether the user wants it: at once with `--yes`, else after being told and asked. */
export async function isConfirmed(
  line: ParsedLine,
  facts: readonly string[],
  question: string,
): Promise<boolean> {
  if (line.flag('yes')) return true;
  for (const fact of facts) say(fact);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `);
    return /^y(?:es)?$/i.test(answer.trim());
  } catch {
    // Ctrl-C or the end of the input is a no.
    return false;
  } finally {
    asking.close();
  }
}
