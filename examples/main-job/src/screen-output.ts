import type { WriteStream } from 'node:tty';

import { Board } from './board.ts';
import type { Output } from './line-output.ts';
import { drawPicture, drawStory } from './picture.ts';

/** At most this often, in milliseconds, however much happens; and as often when only time passes. */
const REDRAW_MS = 100;

// The terminal's other screen keeps what stood on this one, and bears resizing: each picture starts at the top left.
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** A picture that is drawn in place while the story goes on. At the end the story stays behind as text. */
export function screenOutput(terminal: WriteStream, nowMs: () => number): Output {
  const board = new Board();
  const size = () => ({ columns: terminal.columns || 80, rows: terminal.rows || 24 });
  const draw = (): void => {
    const lines = drawPicture(board, nowMs(), size());
    const text = lines.map((line) => line + CLEAR_LINE).join('\r\n');
    terminal.write(HOME + text + CLEAR_BELOW);
  };
  const timer = setInterval(draw, REDRAW_MS);
  const restore = (): void => {
    terminal.write(LEAVE);
  };
  // Whatever ends the process, the terminal is given back.
  process.once('exit', restore);
  terminal.on('resize', draw);
  terminal.write(ENTER);
  return {
    show: (event, atMs) => board.apply(event, atMs),
    close() {
      clearInterval(timer);
      terminal.off('resize', draw);
      process.off('exit', restore);
      restore();
      terminal.write(`${drawStory(board, nowMs(), size().columns).join('\n')}\n`);
    },
  };
}
