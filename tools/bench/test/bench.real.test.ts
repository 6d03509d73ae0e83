import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Result, Row } from '../src/bench.ts';
import { BENCHES } from '../src/catalogue.ts';
import type { Outcome } from '../src/report.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

// No figure is judged here: a test that measures time fails on a busy machine.
describe('each bench gives rows that can be read', { timeout: 60_000 }, () => {
  // The gateway stands in a process with the flags of the command, which this one doesn't have.
  const here = BENCHES.filter(({ server, name }) => server === undefined && name !== 'gateway');
  it.each(here)('$name', async (bench) => {
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

  it('measures a gateway that stands in a process of its own', async () => {
    const { stdout } = await command('--quick', '--json', 'gateway');
    const { outcomes } = JSON.parse(stdout) as { outcomes: Outcome[] };
    expect(outcomes.map(({ bench: { name } }) => name)).toEqual(['gateway']);
    expectRows(outcomes[0]?.result);
  });

  it('measures a registry beside its bare library', { timeout: 120_000 }, async () => {
    const { stdout } = await command('--quick', '--json', 'on-etcd');
    const { outcomes } = JSON.parse(stdout) as { outcomes: Outcome[] };
    expectRows(outcomes[0]?.result);
    expect(outcomes[0]?.result?.rows.map(({ peer }) => peer)).not.toContain(undefined);
  });

  it('refuses a bench that there is not, and names those that there are', async () => {
    await expect(command('raeding')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no such bench: raeding.*reading/u) as string,
    });
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
  if (theirs) expect(ratio).toBeCloseTo(ours / theirs, 6);
  else expect(ratio).toBeUndefined();
}
