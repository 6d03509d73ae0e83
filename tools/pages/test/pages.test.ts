import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generatedPart, machineLine, withGeneratedPart } from '../src/index.ts';

const MARKS = { begin: '<!-- begin -->', end: '<!-- end -->' };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-pages-test-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('the generated part of a page', () => {
  it('is replaced, and nothing else', async () => {
    const page = await pageOf(`before\n\n${MARKS.begin}\n\nold\n\n${MARKS.end}\n\nafter\n`);
    expect(await withGeneratedPart(page, MARKS, 'new')).toBe(
      `before\n\n${MARKS.begin}\n\nnew\n\n${MARKS.end}\n\nafter\n`,
    );
  });

  it('is formatted as the project is', async () => {
    const page = await pageOf(`${MARKS.begin}${MARKS.end}\n`);
    expect(await withGeneratedPart(page, MARKS, '|a|b|\n|-|-|\n|1|2|')).toContain('| a   | b   |');
  });

  it('can be read, and reading changes nothing', async () => {
    const text = `before\n\n${MARKS.begin}\n\nwhat is there\n\n${MARKS.end}\n`;
    const page = await pageOf(text);
    expect(await generatedPart(page, MARKS)).toBe('what is there');
    expect(await readFile(page, 'utf8')).toBe(text);
  });

  it.each(['nothing', MARKS.begin, MARKS.end, `${MARKS.end}\n${MARKS.begin}`])(
    'is missed where the page has no place for it: %j',
    async (text) => {
      const page = await pageOf(text);
      await expect(withGeneratedPart(page, MARKS, 'new')).rejects.toThrow(/page\.md lacks the lines/u);
    },
  );
});

describe('the machine', () => {
  it('stands in one line', async () => {
    expect(await machineLine()).toMatch(
      new RegExp(`^\\S.*, \\d+ cores, \\d+ GB, .+, Node ${process.version}$`, 'u'),
    );
  });
});

async function pageOf(text: string): Promise<URL> {
  const file = join(folder, 'page.md');
  await writeFile(file, text);
  return pathToFileURL(file);
}
