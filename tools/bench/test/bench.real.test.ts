import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { row, type Result, type Row } from '../src/bench.ts';
import { BENCHES } from '../src/catalogue.ts';
import { writeFigures } from '../src/performance-page.ts';
import { markdownReport, type Outcome } from '../src/report.ts';
import { percentile } from '../src/statistics.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const MACHINE = { cpu: 'a CPU', cores: 2, memoryGb: 4, system: 'Linux', node: 'v20', date: '2026-01-01' };

// No figure is judged here: a test that measures time fails on a busy machine.
describe('each bench gives rows that can be read', { timeout: 60_000 }, () => {
  it.each(BENCHES.filter(({ needsEtcd }) => !needsEtcd))('$name', async (bench) => {
    const result = await bench.run({ quick: true, progress: () => {}, fresh: inThisProcess });
    expect(result.rows).not.toEqual([]);
    expectRows(result);
  });
});

describe('the command', { timeout: 60_000 }, () => {
  it('says what there is', async () => {
    const { stdout } = await command('--help');
    expect(stdout).toContain('--write');
    expect(stdout).toContain('etcd-watch');
  });

  it('runs a bench in processes of its own', async () => {
    const { stdout } = await command('--quick', '--json', 'registrations');
    const { outcomes } = JSON.parse(stdout) as { outcomes: Outcome[] };
    expect(outcomes.map(({ bench: { name } }) => name)).toEqual(['registrations']);
    expectRows(outcomes[0]?.result);
  });

  it('refuses a bench that there is not, and names those that there are', async () => {
    await expect(command('raeding')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no such bench: raeding.*reading/u) as string,
    });
  });
});

describe('the report', () => {
  const missed: Outcome = {
    bench: { name: 'reading', title: 'Reading' },
    result: {
      rows: [
        row({
          what: 'a read',
          unit: 'ns',
          ours: 30,
          peer: { name: 'a Map', figure: 10 },
          target: { text: 'at most 2×', met: false },
        }),
      ],
      notes: ['A note.'],
    },
  };

  it('shows a missed target as missed', () => {
    expect(markdownReport([missed], MACHINE, 'npm run bench')).toContain(
      '| a read | ns | 30.0 | a Map | 10.0 | 3.00× | at most 2× | **no** |',
    );
  });

  it('shows a bench that failed as not measured', () => {
    const failed = { bench: missed.bench, failure: 'no server' };
    expect(markdownReport([failed], MACHINE, 'npm run bench')).toContain('Not measured: no server');
  });

  it('replaces what stands between the markers of the page, and nothing else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-test-'));
    try {
      const file = join(folder, 'page.md');
      const begin = '<!-- figures: begin (npm run bench -- --write) -->';
      const end = '<!-- figures: end -->';
      await writeFile(file, `before\n\n${begin}\n\nold\n\n${end}\n\nafter\n`);
      await writeFigures(pathToFileURL(file), 'new');
      expect(await readFile(file, 'utf8')).toBe(`before\n\n${begin}\n\nnew\n\n${end}\n\nafter\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a percentile', () => {
  it('is the smallest value that so large a share lies at or under', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 0.5)).toBe(50);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it('of nothing is an error', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

function command(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const flags = ['--conditions=@rollcall/source', '--import', 'tsx'];
  return promisify(execFile)(process.execPath, [...flags, MAIN, ...args]);
}

/** Starting a process for each step would take most of the time of these tests. */
async function inThisProcess<Output>(module: string, name: string, input: unknown): Promise<Output> {
  const exports = (await import(module)) as Record<string, (input: unknown) => Output | Promise<Output>>;
  const call = exports[name];
  if (!call) throw new Error(`${module} exports no ${name}`);
  return await call(input);
}

function expectRows(result: Result | undefined): void {
  expect(result?.rows.length).toBeGreaterThan(0);
  for (const line of result?.rows ?? []) expectRow(line);
}

function expectRow({ what, unit, ours, peer, theirs, ratio, target, met }: Row): void {
  expect(what).not.toBe('');
  expect(unit).not.toBe('');
  expect(ours).toBeGreaterThanOrEqual(0);
  expect(Number.isFinite(ours)).toBe(true);
  expect(target === undefined).toBe(met === undefined);
  expect(peer === undefined).toBe(theirs === undefined);
  if (theirs !== undefined) expect(ratio).toBeCloseTo(ours / theirs, 6);
}
