import type { Bench, Result, Row } from './bench.ts';

/** What came of one bench. */
export interface Outcome {
  readonly bench: Pick<Bench, 'name' | 'title'>;
  readonly result?: Result;
  /** Why there is no result. */
  readonly failure?: string;
}

/** An outcome with figures. */
export type Measured = Outcome & { readonly result: Result };

/** The columns of a table of the page. */
export const HEADINGS = [
  'what',
  'unit',
  'Rollcall',
  'peer',
  'the peer',
  'Rollcall ÷ peer',
  'target',
  'met',
] as const;

/** One bench as lines for a terminal. */
export function plainOutcome({ bench, result, failure }: Outcome): string {
  const title = `${bench.title}  [${bench.name}]`;
  if (!result) return `${title}\n  failed: ${failure}\n`;
  const lines = result.rows.map((row) => {
    const peer =
      row.peer === undefined ? '' : `; ${row.peer}: ${figure(row.theirs)}, ratio ${ratio(row.ratio)}`;
    const target = row.target === undefined ? '' : `; target ${row.target}: ${verdict(row)}`;
    return `  ${row.what.replaceAll('`', '')}: ${figure(row.ours)} ${row.unit}${peer}${target}`;
  });
  return `${title}\n${lines.join('\n')}\n`;
}

/** One bench as a section of the page, with the day when it was run. */
export function markdownSection({ bench, result }: Measured, date: string): string {
  const table = [
    tableLine(HEADINGS),
    tableLine(HEADINGS.map((_, i) => (i === 2 || i === 4 || i === 5 ? '---:' : '---'))),
    ...result.rows.map((row) =>
      tableLine([
        row.what,
        row.unit,
        figure(row.ours),
        row.peer ?? '',
        figure(row.theirs),
        ratio(row.ratio),
        row.target ?? '',
        verdict(row),
      ]),
    ),
  ].join('\n');
  const command = `\`npm run bench -- ${bench.name}\`, run on ${date}`;
  return [sectionTitle(bench), command, table, result.notes.join('\n')].join('\n\n');
}

/** A bench without figures. */
export function emptySection(bench: Outcome['bench'], why: string): string {
  return [sectionTitle(bench), `\`npm run bench -- ${bench.name}\``, `Not measured: ${why}`].join('\n\n');
}

/** What the section of a bench begins with. */
export function sectionTitle({ title }: Pick<Bench, 'title'>): string {
  return `### ${title}`;
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function verdict({ met }: Row): string {
  return met === undefined ? '' : met ? 'yes' : '**no**';
}

/** Three figures that count; all of them before the point. */
function figure(value: number | undefined): string {
  if (value === undefined) return '';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function ratio(value: number | undefined): string {
  return value === undefined ? '' : `${figure(value)}×`;
}
