import { formulaOf, lengthOf, type Term } from './bound.ts';
import type { RegistryKind } from './registry-kind.ts';
import type { Outcome } from './run-scenario.ts';
import { type Scenario, whyNot } from './scenario.ts';
import { SETTINGS } from './settings.ts';

/** What was run: one row for each scenario, one column for each kind. */
export interface Run {
  readonly scenarios: readonly Scenario[];
  readonly kinds: readonly RegistryKind[];
  readonly outcomes: readonly Outcome[];
}

/** The tables for a terminal. */
export function plainTables(run: Run): string {
  const rows = [
    ['fault', ...run.kinds.map(({ type }) => type)],
    ...run.scenarios.map((scenario) => [
      scenario.name,
      ...run.kinds.map((kind) => cell(run, scenario, kind)),
    ]),
  ];
  return [rows, countedRows(run)]
    .filter((table) => table.length > 0)
    .map(plain)
    .join('\n\n');
}

/** The same as Markdown, with the faults in words, the formulas of the bounds, and what their terms are. */
export function markdownTables(run: Run): string {
  const types = run.kinds.map(({ type }) => type);
  const faults = [
    ['fault', ...types, 'bound'],
    ...run.scenarios.map((scenario) => [
      `${scenario.fault} (\`${scenario.name}\`)`,
      ...run.kinds.map((kind) => cell(run, scenario, kind)),
      formulaOf(scenario.bound),
    ]),
  ];
  const terms = [
    ['term', ...types],
    ...TERMS.map((term) => [
      term,
      ...run.kinds.map((kind) => seconds(lengthOf(term, { ...SETTINGS, ...kind.settings }, kind))),
    ]),
  ];
  const counted = countedRows(run);
  return [
    '“2.2 s of 9.1 s”: healed after 2.2 s, the bound is 9.1 s, all promises were kept. “–”: it doesn’t apply, and why.',
    markdown(faults),
    'What the terms are, with the settings of the suite; the allowance for a busy machine ' +
      `(${seconds(SETTINGS.allowanceMs)}) comes on top:`,
    markdown(terms),
    ...(counted.length > 0 ? ['What was counted besides:', markdown(counted)] : []),
  ].join('\n\n');
}

export function verdictOf({ failures }: Outcome): 'passed' | 'FAILED' {
  return failures.length === 0 ? 'passed' : 'FAILED';
}

const TERMS: readonly Term[] = [
  'beat',
  'look',
  'request',
  'backoff',
  'first backoff',
  'reconnect',
  'election',
  'hold',
  'seen',
  'fill',
  'TTL',
  'crash',
];

function cell({ outcomes }: Run, scenario: Scenario, kind: RegistryKind): string {
  const why = whyNot(scenario, kind);
  if (why !== undefined) return `– ${why}`;
  const outcome = outcomes.find(({ name, registry }) => name === scenario.name && registry === kind.type);
  if (!outcome) return 'not run';
  const { healedInMs, bound } = outcome;
  const figures = `${healedInMs === undefined ? 'never' : seconds(healedInMs)} of ${seconds(bound.ms)}`;
  return verdictOf(outcome) === 'passed' ? figures : `FAILED: ${figures}`;
}

/** A row for each figure that a fault counts; none where nothing was counted. */
function countedRows({ scenarios, kinds, outcomes }: Run): string[][] {
  const rows = scenarios.flatMap(({ name }) => {
    const played = outcomes.filter((outcome) => outcome.name === name);
    const whats = new Set(played.flatMap(({ counted }) => counted.map(({ what }) => what)));
    return Array.from(whats, (what) => [
      `${name}: ${what}`,
      ...kinds.map(({ type }) => {
        const counted = played.find(({ registry }) => registry === type)?.counted ?? [];
        return counted.find((each) => each.what === what)?.figure ?? '–';
      }),
    ]);
  });
  return rows.length > 0 ? [['counted', ...kinds.map(({ type }) => type)], ...rows] : [];
}

function plain(rows: readonly (readonly string[])[]): string {
  return padded(rows)
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
}

function markdown(rows: readonly (readonly string[])[]): string {
  const [head, ...rest] = padded(rows);
  if (!head) return '';
  const rule = head.map((text) => '-'.repeat(text.length));
  return [head, rule, ...rest].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function padded(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)));
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
