import type { Outcome } from './run-scenario.ts';

const HEADINGS = ['fault', 'registry', 'healed in', 'bound', 'bound is', 'verdict'] as const;

/** The table for a terminal. */
export function plainTable(outcomes: readonly Outcome[]): string {
  const rows = [HEADINGS, ...outcomes.map((outcome) => cells(outcome, outcome.name))];
  const widths = widthsOf(rows);
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same as Markdown, with the faults in words. */
export function markdownTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => cells(outcome, `${outcome.fault} (\`${outcome.name}\`)`));
  const widths = widthsOf([HEADINGS, ...rows]);
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (isFigure(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    isFigure(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [HEADINGS, rule, ...rows].map(line).join('\n');
}

function isFigure(column: number): boolean {
  return HEADINGS[column] === 'healed in' || HEADINGS[column] === 'bound';
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  return HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
}

export function verdictOf({ failures }: Outcome): 'passed' | 'FAILED' {
  return failures.length === 0 ? 'passed' : 'FAILED';
}

function cells(outcome: Outcome, fault: string): readonly string[] {
  const { registry, healedInMs, bound } = outcome;
  const healedIn = healedInMs === undefined ? 'never' : seconds(healedInMs);
  return [fault, registry, healedIn, seconds(bound.ms), `${bound.formula} + allowance`, verdictOf(outcome)];
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
