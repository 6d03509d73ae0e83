import pc from 'picocolors';
import { jsonText, printableLines } from './printable.ts';

/** Colours for a stream: none where `NO_COLOR` is set, the stream is no terminal, or the terminal has none. */
export function coloursOf(stream: NodeJS.WriteStream): ReturnType<typeof pc.createColors> {
  const { NO_COLOR, TERM } = process.env;
  // Absent on a pipe; `undefined` would let picocolors choose, and it takes CI for a terminal.
  return pc.createColors(stream.isTTY ? !NO_COLOR && TERM !== 'dumb' : false);
}

/** Writes a result to standard output. What of it came from a registry is to be `printable` already. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line of JSON to standard output. */
export function printJson(value: unknown): void {
  print(jsonText(value));
}

/** Tells people something beside the result, on standard error. */
export function say(message: string): void {
  process.stderr.write(`${printableLines(message)}\n`);
}

/** Tells what is odd, on standard error. */
export function warn(message: string): void {
  process.stderr.write(`${coloursOf(process.stderr).yellow('warning')} ${printableLines(message)}\n`);
}

/** `1 instance`, `2 instances`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** The width to fit a table into: only a terminal has one. */
export function widthOf(stream: NodeJS.WriteStream): { readonly width?: number } {
  return stream.isTTY ? { width: sizeOf(stream).columns } : {};
}

/** The size of a terminal; the usual one where it doesn't know its own, as some serial ones don't. */
export function sizeOf({ columns, rows }: NodeJS.WriteStream): {
  readonly columns: number;
  readonly rows: number;
} {
  return { columns: columns || 80, rows: rows || 24 };
}
