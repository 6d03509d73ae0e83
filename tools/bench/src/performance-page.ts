import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const BEGIN = '<!-- figures: begin (npm run bench -- --write) -->';
const END = '<!-- figures: end -->';

/** Puts the report where the page has its markers, formatted as the rest, which is people's. */
export async function writeFigures(page: URL, report: string): Promise<void> {
  const text = await readFile(page, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin)
    throw new Error(`${page.pathname} lacks the lines "${BEGIN}" and "${END}"`);
  const filepath = fileURLToPath(page);
  const written = `${text.slice(0, begin + BEGIN.length)}\n\n${report}\n\n${text.slice(end)}`;
  await writeFile(page, await format(written, { ...(await resolveConfig(filepath)), filepath }));
}
