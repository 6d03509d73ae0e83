import stringWidth from 'string-width';
import { cut } from './cut.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /**
   * Which column is cut first where the table is too wide: the highest number. Without one it is cut last, after all
   * others.
   */
  readonly cutFirst?: number;
}

/** What stands in a cell; `style` colours it once it is cut and padded. */
export interface Cell {
  readonly text: string;
  readonly style?: (text: string) => string;
}

/** Between two columns, in columns of the terminal. */
const GAP = 2;

/** No column with something in it is cut below this while another still can be, in columns of the terminal. */
const MIN_WIDTH = 6;

/**
 * A table as lines. Columns that nobody fills are left out. Where it is wider than `width`, it is cut until it fits:
 * column by column down to a few characters, and the line as a whole where even that isn't enough.
 *
 * @param width in columns of the terminal. Left out: nothing is cut.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  {
    width,
    title = (text) => text,
  }: { readonly width?: number; readonly title?: (text: string) => string } = {},
): string[] {
  const filled = columns.map((_, at) => rows.some((row) => (row[at]?.text ?? '') !== ''));
  const shown = <T>(items: readonly T[]): T[] => items.filter((_, at) => filled[at]);
  const heads = shown(columns);
  const body = rows.map(shown);
  const natural = heads.map((head, at) =>
    Math.max(stringWidth(head.title), ...body.map((row) => stringWidth(row[at]?.text ?? ''))),
  );
  const widths = width === undefined ? natural : fitWidths(heads, natural, width);
  const line = (cells: readonly Cell[]): string =>
    cells
      .map(({ text, style = (plain) => plain }, at) => {
        const room = widths[at] ?? 0;
        if (room === 0) return '';
        const short = cut(text, room);
        const padding = ' '.repeat(room - stringWidth(short));
        const isLast = at === cells.length - 1;
        if (heads[at]?.align === 'right') return `${padding}${style(short)}`;
        return `${style(short)}${isLast ? '' : padding}`;
      })
      .filter((_, at) => (widths[at] ?? 0) > 0)
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(heads.map((head) => ({ text: head.title, style: title }))), ...body.map(line)];
}

/**
 * The width of each column so that all fit into `width`, gaps included. Those that can't have any room get 0 and are left
 * out, from the right.
 */
export function fitWidths(columns: readonly Column[], natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const total = (): number => {
    const there = widths.filter((one) => one > 0);
    return there.reduce((sum, one) => sum + one, 0) + GAP * Math.max(0, there.length - 1);
  };
  const order = columns
    .map(({ cutFirst = -1 }, at) => ({ cutFirst, at }))
    .toSorted((a, b) => b.cutFirst - a.cutFirst || b.at - a.at);
  for (const { at } of order) {
    const excess = total() - width;
    if (excess <= 0) return widths;
    const now = widths[at] ?? 0;
    widths[at] = Math.max(now - excess, Math.min(now, MIN_WIDTH));
  }
  for (const { at } of order) {
    if (total() <= width || widths.filter((one) => one > 0).length === 1) break;
    widths[at] = 0;
  }
  return widths.map((one) => Math.min(one, width));
}
