import pc from 'picocolors';

import type { Board, Row, Told } from './board.ts';
import { clock, seconds, type Mark } from './narration.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

type Paint = (text: string) => string;
/** A piece of a line; colour takes no room. */
type Piece = readonly [text: string, paint?: Paint];

// The screen is drawn only where colours are wanted.
const { bold, cyan, dim, green, red, yellow } = pc.createColors(true);

const MARKS: Readonly<Record<Mark, Piece>> = {
  done: ['✔', green],
  act: ['▶', cyan],
  loss: ['✖', red],
  note: ['·', dim],
};

/** The screen as lines, none of them wider and all together no higher than the terminal. */
export function drawPicture(board: Board, nowMs: number, size: Size): string[] {
  const { columns, rows } = size;
  const head = [...title(board, nowMs, columns), ...table(board, nowMs, columns), ...totals(board, columns)];
  const story = board.told.flatMap((told) => tellLine(told, columns));
  // The newest of the story is what matters when there is little room.
  const room = Math.max(1, rows - head.length - 1);
  const lines = [...head, [['STORY', bold]] as Piece[], ...story.slice(-room)];
  return lines.slice(0, rows).map((line) => paintLine(line, columns));
}

/** What stays on the terminal when the screen is gone. */
export function drawStory(board: Board, nowMs: number, columns: number): string[] {
  const lines = [
    ...board.told.flatMap((told) => tellLine(told, columns)),
    [],
    ...table(board, nowMs, columns),
  ];
  return lines.map((line) => paintLine(line, columns));
}

function title(board: Board, nowMs: number, columns: number): Piece[][] {
  const right = `${board.registry}, TTL ${seconds(board.ttlMs)}   ${clock(nowMs)}`;
  const name = 'ROLLCALL';
  const what = '  user-service, as its caller sees it';
  const gap = Math.max(2, columns - name.length - what.length - right.length);
  return [[[name, bold], [what], [' '.repeat(gap)], [right, dim]], []];
}

/** A column and the width that the terminal must have for it to be shown. */
interface Column {
  readonly name: string;
  readonly width: number;
  readonly from: number;
  readonly cell: (row: Row, nowMs: number) => Piece;
}

/** A bar in less room says nothing. */
const BAR_FROM = 60;

const COLUMNS: readonly Column[] = [
  { name: 'listed', width: 16, from: 0, cell: ({ id, status }) => [id, status === 'gone' ? dim : bold] },
  { name: 'status', width: 16, from: 0, cell: statusCell },
  {
    name: 'since',
    width: 7,
    from: 72,
    cell: ({ sinceMs }, nowMs) => [`${Math.floor((nowMs - sinceMs) / 1_000)} s`],
  },
  { name: 'process', width: 16, from: 56, cell: processCell },
  { name: 'calls', width: 7, from: 40, cell: ({ answers }) => [String(answers)] },
  { name: 'a second', width: 0, from: BAR_FROM, cell: () => [''] },
];

const BAR_MOST = 40;

function table(board: Board, nowMs: number, columns: number): Piece[][] {
  const shown = COLUMNS.filter(({ from }) => columns >= from);
  const barWidth = Math.min(BAR_MOST, columns - shown.reduce((sum, { width }) => sum + width, 0) - 5);
  const busiest = Math.max(1, ...Array.from(board.rows.values(), ({ perSecond }) => perSecond));
  const rows = Array.from(board.rows.values(), (row): Piece[] => [
    ...shown.map((column) => pad(column.cell(row, nowMs), column.width)),
    ...(columns >= BAR_FROM ? bar(row.perSecond, busiest, barWidth) : []),
  ]);
  return [shown.map(({ name, width }) => pad([name, dim], width)), ...rows, []];
}

function bar(perSecond: number, busiest: number, width: number): Piece[] {
  const length = Math.round((perSecond / busiest) * Math.max(1, width));
  return [[`${String(Math.round(perSecond)).padStart(3)} `], ['█'.repeat(length), cyan]];
}

function statusCell({ status, process }: Row): Piece {
  if (status === 'UP') return process === 'running' ? [status, green] : [`${status} (still)`, yellow];
  return [status, status === 'gone' ? dim : yellow];
}

function processCell({ pid, process }: Row): Piece {
  if (process === 'running') return [String(pid)];
  return [`${pid} ${process}`, process === 'killed' ? red : dim];
}

function totals({ counts }: Board, columns: number): Piece[][] {
  const where = columns < 64 ? '' : ' on another instance';
  return [
    [
      ['CALLS  ', bold],
      [`${counts.calls} made   `],
      [`${counts.retried} retried${where}   `, counts.retried > 0 ? yellow : dim],
      [`${counts.failed} failed`, counts.failed > 0 ? red : green],
    ],
    [],
  ];
}

/** One piece of the story, on as many lines as it needs. */
function tellLine({ atMs, mark, text }: Told, columns: number): Piece[][] {
  const indent = 9;
  return wrap(text, columns - indent).map((part, i) =>
    i === 0 ? [[`${clock(atMs)}  `, dim], MARKS[mark], [` ${part}`]] : [[' '.repeat(indent) + part]],
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}

function pad([text, paint]: Piece, width: number): Piece {
  const padded = text.padEnd(width);
  return paint ? [padded, paint] : [padded];
}

function paintLine(line: readonly Piece[], columns: number): string {
  let room = columns;
  let painted = '';
  for (const [text, paint] of line) {
    // The texts here are made of characters that are one column wide.
    const visible = text.slice(0, room);
    room -= visible.length;
    painted += visible === '' || !paint ? visible : paint(visible);
  }
  return painted;
}
