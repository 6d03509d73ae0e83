import { readFile, writeFile } from 'node:fs/promises';

const BEGIN = '<!-- last run: begin (npm run test:faults -- --write) -->';
const END = '<!-- last run: end -->';

/** Puts the last run where the page has its markers. The rest of the page is people's. */
export async function writeLastRun(page: URL, report: string): Promise<void> {
  const text = await readFile(page, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin)
    throw new Error(`${page.pathname} lacks the lines "${BEGIN}" and "${END}"`);
  await writeFile(page, `${text.slice(0, begin + BEGIN.length)}\n\n${report}\n\n${text.slice(end)}`);
}
