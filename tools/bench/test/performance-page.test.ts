import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withGeneratedPart } from '@rollcall-tools/pages';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { row } from '../src/bench.ts';
import { BENCHES } from '../src/catalogue.ts';
import { BENCHED_REGISTRIES } from '../src/on-registry/catalogue.ts';
import type { Figures } from '../src/on-registry/measure.ts';
import { registryRows } from '../src/on-registry/rows.ts';
import { FULL } from '../src/on-registry/sizes.ts';
import { MARKS, readFigures, writeFigures } from '../src/performance-page.ts';
import { HEADINGS, type Outcome, sectionTitle } from '../src/report.ts';

const PAGE = new URL('../../../docs/performance.md', import.meta.url);

describe('docs/performance.md', () => {
  it('has every bench of the catalogue, in its order, and no other', async () => {
    const { sections } = await readFigures(PAGE);
    expect([...sections.keys()]).toEqual(BENCHES.map(sectionTitle));
  });

  it.each(BENCHES)('shows $name as the command writes it', async (bench) => {
    const section = await sectionOf(bench);
    expect(section).toContain(`\`npm run bench -- ${bench.name}\``);
    const [head, ...rows] = tableIn(section);
    // The command writes the reason in place of a table where there are no figures.
    if (/^Not measured: /mu.test(section)) expect(head).toBeUndefined();
    else {
      expect(head).toEqual(HEADINGS);
      expect(rows.length).toBeGreaterThan(1);
      expect(section).toMatch(/, run on \d{4}-\d\d-\d\d$/mu);
    }
  });

  it.each(Object.entries(BENCHED_REGISTRIES))('has the lines that on-%s writes', async (type, about) => {
    const bench = BENCHES.find(({ name }) => name === `on-${type}`);
    const [, , ...lines] = tableIn(await sectionOf(bench));
    if (lines.length === 0) return;
    const expected = registryRows(about, FULL, NO_FIGURES);
    expect(lines.map(([what, unit, , peer]) => [what, unit, peer])).toEqual(
      expected.map(({ what, unit, peer }) => [what, unit, peer]),
    );
  });

  it('says what each bench is compared with', async () => {
    const page = await readFile(PAGE, 'utf8');
    expect(BENCHES.filter(({ name }) => !page.includes(`| \`${name}\``))).toEqual([]);
  });

  it('is formatted', async () => {
    const { machine, sections } = await readFigures(PAGE);
    const part = [`- **Machine:** ${machine}`, ...sections.values()].join('\n\n');
    expect(await withGeneratedPart(PAGE, MARKS, part)).toBe(await readFile(PAGE, 'utf8'));
  });
});

describe('writing figures', () => {
  const benches = [
    { name: 'reading', title: 'Reading' },
    { name: 'mix', title: 'A mix' },
  ];
  let folder: string;
  let page: URL;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-test-'));
    page = pathToFileURL(join(folder, 'page.md'));
    await writeFile(page, `before\n\n${MARKS.begin}\n${MARKS.end}\n\nafter\n`);
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('shows a missed target as missed', async () => {
    await write([measured('reading', 30)]);
    expect(await readFile(page, 'utf8')).toMatch(
      /\| a read +\| ns +\| +30\.0 \| a Map \| +10\.0 \| +3\.00× \| at most 2× \| \*\*no\*\* \|/u,
    );
  });

  it('leaves the rest of the page alone', async () => {
    await write([measured('reading', 30)]);
    const text = await readFile(page, 'utf8');
    expect(text.startsWith(`before\n\n${MARKS.begin}`)).toBe(true);
    expect(text.endsWith(`${MARKS.end}\n\nafter\n`)).toBe(true);
  });

  it('keeps what other benches have there', async () => {
    await write([measured('reading', 30)]);
    await write([measured('mix', 20)], { date: '2026-01-02' });
    const { sections } = await readFigures(page);
    expect([...sections.keys()]).toEqual(['### Reading', '### A mix']);
    expect(sections.get('### Reading')).toContain('run on 2026-01-01');
    expect(sections.get('### A mix')).toContain('run on 2026-01-02');
  });

  it('keeps the figures of a bench that fails', async () => {
    await write([measured('reading', 30)]);
    await write([{ bench: { name: 'reading', title: 'Reading' }, failure: 'no server' }]);
    expect((await readFigures(page)).sections.get('### Reading')).toContain('30.0');
  });

  it('shows a bench that failed and has none as not measured', async () => {
    await write([{ bench: { name: 'reading', title: 'Reading' }, failure: 'no server\n  at start' }]);
    const { sections } = await readFigures(page);
    expect(sections.get('### Reading')).toMatch(/Not measured: no server$/u);
    expect(sections.get('### A mix')).toMatch(/Not measured: not yet$/u);
  });

  it('never has figures of two machines', async () => {
    await write([measured('reading', 30)]);
    await write([measured('mix', 20)], { machine: 'another' });
    const { machine, sections } = await readFigures(page);
    expect(machine).toBe('another');
    expect(sections.get('### Reading')).toContain('Not measured');
  });

  function measured(name: string, ours: number): Outcome {
    const bench = benches.find((each) => each.name === name);
    if (!bench) throw new Error(`no bench ${name}`);
    const target = { text: 'at most 2×', met: false };
    const line = row({ what: 'a read', unit: 'ns', ours, peer: { name: 'a Map', figure: 10 }, target });
    return { bench, result: { rows: [line], notes: ['A note.'] } };
  }

  function write(outcomes: readonly Outcome[], { machine = 'a machine', date = '2026-01-01' } = {}) {
    return writeFigures(page, { machine, date, benches, outcomes });
  }
});

const BOTH = { ours: 1, bare: 1 };
const SEEN = { p50: 1, p99: 1, count: 1 };
const WHOLE = { ours: 1, decoding: 1 };
const NO_FIGURES: Figures = {
  registerMs: BOTH,
  registerCpuMs: BOTH,
  listMs: BOTH,
  seenMs: { ours: SEEN, bare: SEEN },
  requestsPerMinute: BOTH,
  memory: BOTH,
  wholeCpuMs: { few: WHOLE, many: WHOLE },
};

async function sectionOf(bench: { readonly title: string } | undefined): Promise<string> {
  const section = bench && (await readFigures(PAGE)).sections.get(sectionTitle(bench));
  if (section === undefined) throw new Error(`the page has no section for ${bench?.title}`);
  return section;
}

/** The cells of the table in a section. */
function tableIn(section: string): string[][] {
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
