import type { Bench, Result, Row } from './bench.ts';
import type { Machine } from './machine.ts';

/** What came of one bench. */
export interface Outcome {
  readonly bench: Pick<Bench, 'name' | 'title'>;
  readonly result?: Result;
  /** Why there is no result. */
  readonly failure?: string;
}

const HEADINGS = [
  'what',
  'unit',
  'Rollcall',
  'peer',
  'the peer',
  'Rollcall ÷ peer',
  'target',
  'met',
] as const;

/** The whole report as Markdown. */
export function markdownReport(outcomes: readonly Outcome[], machine: Machine, command: string): string {
  return [machineLines(machine, command), ...outcomes.map(markdownOutcome)].join('\n\n');
}

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

export function machineLines({ cpu, cores, memoryGb, system, node, date }: Machine, command: string): string {
  return [
    `- **Machine:** ${cpu}, ${cores} cores, ${memoryGb} GB; ${system}`,
    `- **Node:** ${node}`,
    `- **Taken:** ${date}, by \`${command}\``,
  ].join('\n');
}

function markdownOutcome({ bench, result, failure }: Outcome): string {
  const title = `### ${bench.title}`;
  const command = `\`npm run bench -- ${bench.name}\``;
  if (!result) return `${title}\n\n${command}\n\nNot measured: ${failure}`;
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
  return [title, command, table, result.notes.join('\n')].join('\n\n');
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
