import { cut } from './cut.ts';
import { sizeOf } from './output.ts';
import { printable } from './printable.ts';

/** The line is drawn anew no more often than this, in milliseconds. */
const REDRAW_MS = 100;

/** Back to the start of the line, and clear it. */
const CLEAR = '\r\u{1b}[K';

/** How far a long work has come. */
export interface Progress {
  /** Shows this in place of what was shown before. */
  show(text: string): void;
  /** Takes the line away, so that something else can be written. */
  clear(): void;
}

/** A line on standard error that is drawn in place. Where that is no terminal, nothing is written. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { show: () => {}, clear: () => {} };
  let isShown = false;
  let drawnAt = -Infinity;
  return {
    show(text) {
      const now = performance.now();
      if (now - drawnAt < REDRAW_MS) return;
      [drawnAt, isShown] = [now, true];
      stream.write(`${CLEAR}${cut(printable(text), sizeOf(stream).columns - 1)}`);
    },
    clear() {
      if (isShown) stream.write(CLEAR);
      [drawnAt, isShown] = [-Infinity, false];
    },
  };
}
