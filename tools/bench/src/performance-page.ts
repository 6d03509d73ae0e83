import { writeFile } from 'node:fs/promises';
import { generatedPart, withGeneratedPart } from '@rollcall-tools/pages';
import type { Bench } from './bench.ts';
import { emptySection, markdownSection, type Outcome, sectionTitle } from './report.ts';

/** What the generated part of docs/performance.md stands between. */
export const MARKS = {
  begin: '<!-- figures: begin (npm run bench -- --write) -->',
  end: '<!-- figures: end -->',
};

/** Which figures there are on a page. */
export interface Figures {
  /** The machine that all of them are of; `undefined` on a page without figures. */
  readonly machine: string | undefined;
  /** By the title of the bench. */
  readonly sections: ReadonlyMap<string, string>;
}

/** Reads the figures of a page, as they stand there. */
export async function readFigures(page: URL): Promise<Figures> {
  const [head = '', ...sections] = (await generatedPart(page, MARKS)).split(/\n(?=### )/u);
  return {
    machine: /^- \*\*Machine:\*\* (.+)$/mu.exec(head)?.[1],
    sections: new Map(sections.map((text) => [text.split('\n', 1)[0] ?? '', text.trim()])),
  };
}

export interface Writing {
  readonly machine: string;
  readonly date: string;
  /** Of all benches, in the order of the page. */
  readonly benches: readonly Pick<Bench, 'name' | 'title'>[];
  readonly outcomes: readonly Outcome[];
}

/**
 * Puts what came of some benches on the page. The others, and those that failed, keep the figures that they have there,
 * where those are of the same machine.
 */
export async function writeFigures(page: URL, { machine, date, benches, outcomes }: Writing): Promise<void> {
  const before = await readFigures(page);
  const sections = benches.map((bench) => {
    const outcome = outcomes.find((each) => each.bench.name === bench.name);
    if (outcome?.result) return markdownSection({ ...outcome, result: outcome.result }, date);
    const kept = before.machine === machine ? before.sections.get(sectionTitle(bench)) : undefined;
    return kept ?? emptySection(bench, outcome?.failure?.split('\n', 1)[0] ?? 'not yet');
  });
  const part = [`- **Machine:** ${machine}`, ...sections].join('\n\n');
  await writeFile(page, await withGeneratedPart(page, MARKS, part));
}
