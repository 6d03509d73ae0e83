import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { cut } from '../src/cut.ts';
import { fitWidths, tableLines, type Column } from '../src/table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'ID', cutFirst: 1 },
  { title: 'WEIGHT', align: 'right' },
  { title: 'ZONE' },
  { title: 'METADATA', cutFirst: 2 },
];

const row = (...texts: readonly string[]) => texts.map((text) => ({ text }));

describe('a table', () => {
  it('has each column as wide as its widest cell', () => {
    expect(tableLines(COLUMNS, [row('a', '1', 'eu-1', 'k=v'), row('long-id', '10', 'eu-2', '')])).toEqual([
      'ID       WEIGHT  ZONE  METADATA',
      'a             1  eu-1  k=v',
      'long-id      10  eu-2',
    ]);
  });

  it('leaves out columns that nobody fills', () => {
    expect(tableLines(COLUMNS, [row('a', '1', '', '')])).toEqual(['ID  WEIGHT', 'a        1']);
  });

  it('is cut in the column that may be cut first', () => {
    expect(tableLines(COLUMNS, [row('an-id', '1', 'eu-1', 'key=value other=value')], { width: 34 })).toEqual([
      'ID     WEIGHT  ZONE  METADATA',
      'an-id       1  eu-1  key=value ot…',
    ]);
  });

  it('never is wider than the terminal, however narrow that is', () => {
    const rows = [
      row('an-id-of-some-length', '1000', 'eu-central-1', 'metadata='.repeat(20)),
      row('日本語'.repeat(9), '1', 'x', 'é'),
    ];
    for (let width = 1; width <= 120; width++)
      for (const line of tableLines(COLUMNS, rows, { width }))
        expect(stringWidth(line), line).toBeLessThanOrEqual(width);
  });

  it('counts the columns of wide characters, not their number', () => {
    const [, first, second] = tableLines(COLUMNS, [row('日本', '1', '', ''), row('abcd', '2', '', '')]);
    expect(stringWidth(first ?? '')).toBe(stringWidth(second ?? ''));
  });

  it('colours what is cut and padded, so that colours take no room', () => {
    const cells = [{ text: 'abcdefghij', style: (text: string) => `<${text}>` }, { text: '1' }];
    expect(tableLines(COLUMNS, [cells], { width: 14 })).toEqual(['ID      WEIGHT', '<abcde…>       1']);
  });
});

describe('fitting widths', () => {
  it('changes nothing where there is room', () => {
    expect(fitWidths(COLUMNS, [5, 6, 4, 8], 29)).toEqual([5, 6, 4, 8]);
  });

  it('gives the columns at the right up when nothing else helps', () => {
    expect(fitWidths(COLUMNS, [20, 6, 4, 60], 15)).toEqual([0, 6, 4, 0]);
  });
});

describe('cutting a text', () => {
  it('keeps what fits, and ends with an ellipsis', () => {
    expect(cut('abcdef', 6)).toBe('abcdef');
    expect(cut('abcdefg', 6)).toBe('abcde…');
    expect(cut('abc', 0)).toBe('');
  });

  it('never halves a character that takes two columns or several code points', () => {
    expect(cut('日本語', 4)).toBe('日…');
    expect(cut('👩‍👩‍👧x', 2)).toBe('…');
  });
});
