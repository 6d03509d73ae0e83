import { stripVTControlCharacters } from 'node:util';

import { describe, expect, it } from 'vitest';

import { Board } from '../src/board.ts';
import { drawPicture } from '../src/picture.ts';
import type { StoryEvent } from '../src/story-event.ts';

const up = (id: string, pid: number) => ({ id, pid, status: 'UP' });

const story: readonly [atMs: number, event: StoryEvent][] = [
  [0, { event: 'began', registry: 'file', ttlMs: 3_000, callsPerSecond: 25, folder: '/tmp/x' }],
  [10, { event: 'process-started', id: 'one', pid: 101 }],
  [10, { event: 'process-started', id: 'two', pid: 102 }],
  [1_000, { event: 'list', instances: [up('one', 101), up('two', 102)] }],
  [2_000, { event: 'calls', calls: 20, retried: 0, failed: 0, byInstance: { one: 10, two: 10 } }],
  [3_000, { event: 'calls', calls: 60, retried: 0, failed: 0, byInstance: { one: 40, two: 20 } }],
  [3_500, { event: 'killed', id: 'two', pid: 102 }],
  [3_510, { event: 'process-ended', id: 'two', pid: 102, code: null, signal: 'SIGKILL' }],
];

function picture(columns: number, rows: number, more: readonly [number, StoryEvent][] = []): string[] {
  const board = new Board();
  for (const [atMs, event] of [...story, ...more]) board.apply(event, atMs);
  return drawPicture(board, 5_000, { columns, rows }).map((line) => stripVTControlCharacters(line));
}

function rowOf(id: string, lines: readonly string[]): string {
  return lines.find((line) => line.startsWith(id)) ?? '';
}

describe('the picture', () => {
  it('tells a dead instance that is still listed from a live one', () => {
    const lines = picture(80, 24);
    expect(rowOf('one', lines)).toMatch(/^one +UP +4 s +101 +40 +30 █+$/);
    expect(rowOf('two', lines)).toMatch(/^two +UP \(still\) +4 s +102 killed +20 +10 █+$/);
  });

  it('shows that an instance is off the list, and since when', () => {
    const lines = picture(80, 24, [[4_000, { event: 'list', instances: [up('one', 101)] }]]);
    expect(rowOf('two', lines)).toMatch(/^two +gone +1 s +102 killed/);
  });

  it.each([
    [80, 24],
    [40, 12],
    [20, 5],
    [200, 60],
  ])('fits into %i columns and %i rows', (columns, rows) => {
    const long: [number, StoryEvent][] = Array.from({ length: 40 }, (_, n) => [
      4_000 + n,
      { event: 'aborted', reason: `${n} ${'word '.repeat(30)}${'x'.repeat(250)}` },
    ]);
    const lines = picture(columns, rows, long);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  });

  it('keeps the newest of the story when there is little room', () => {
    expect(picture(80, 12).at(-1)).toContain('kill -9 102');
  });

  it('stays as it was when all leave at the end', () => {
    const before = picture(80, 24);
    const after = picture(80, 24, [
      [4_000, { event: 'closing' }],
      [4_100, { event: 'list', instances: [] }],
      [4_200, { event: 'process-ended', id: 'one', pid: 101, code: 0, signal: null }],
    ]);
    expect(rowOf('one', after)).toBe(rowOf('one', before));
  });
});
