import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { formatted } from './formatted.ts';

/** The two lines that a generated part of a page stands between. All else on the page is people's. */
export interface Marks {
  readonly begin: string;
  readonly end: string;
}

/** The text of the page with that part replaced, formatted as the rest of the project is. Nothing is written. */
export async function withGeneratedPart(page: URL, marks: Marks, part: string): Promise<string> {
  const { before, after } = await split(page, marks);
  const text = `${before}${marks.begin}\n\n${part}\n\n${marks.end}${after}`;
  return await formatted(fileURLToPath(page), text);
}

/** What stands between the marks now. */
export async function generatedPart(page: URL, marks: Marks): Promise<string> {
  return (await split(page, marks)).part.trim();
}

async function split(
  page: URL,
  marks: Marks,
): Promise<{ readonly before: string; readonly part: string; readonly after: string }> {
  const text = await readFile(page, 'utf8');
  const begin = text.indexOf(marks.begin);
  const end = text.indexOf(marks.end, begin);
  if (begin === -1 || end === -1)
    throw new Error(`${fileURLToPath(page)} lacks the lines "${marks.begin}" and "${marks.end}"`);
  return {
    before: text.slice(0, begin),
    part: text.slice(begin + marks.begin.length, end),
    after: text.slice(end + marks.end.length),
  };
}
