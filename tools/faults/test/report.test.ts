import { describe, expect, it } from 'vitest';
import { KINDS, SCENARIOS } from '../src/catalogue.ts';
import type { RegistryKind } from '../src/registry-kind.ts';
import { markdownTables, plainTables, type Run } from '../src/report.ts';
import type { Outcome } from '../src/run-scenario.ts';
import { type Scenario, whyNot } from '../src/scenario.ts';

const [first, second] = KINDS as readonly [RegistryKind, RegistryKind];
const poor: RegistryKind = { ...second, type: 'poor', lacks: { remove: 'nobody can' } };
const needy: Scenario = {
  name: 'needy',
  fault: 'an entry is removed',
  needs: ['remove'],
  bound: ['look', 'request', 'request'],
  run: () => Promise.resolve(),
};
const run: Run = {
  scenarios: [needy, { ...needy, name: 'plain', fault: 'something else', needs: [] }],
  kinds: [first, poor],
  outcomes: [
    outcome({ name: 'needy', registry: first.type, counted: [{ what: 'requests', figure: '17' }] }),
    outcome({ name: 'plain', registry: first.type, healedInMs: 12_345, failures: ['late'] }),
    outcome({ name: 'plain', registry: 'poor', healedInMs: undefined, failures: ['never'] }),
  ],
};

describe('the table has a row for each fault and a column for each registry', () => {
  it('with how long it took and the bound, or the failure, or why it does not apply', () => {
    const rows = plainTables(run)
      .split('\n')
      .map((row) => row.split(/ {2,}/u));
    expect(rows.slice(0, 3)).toEqual([
      ['fault', first.type, 'poor'],
      ['needy', '1.5 s of 9.0 s', '– nobody can'],
      ['plain', 'FAILED: 12.3 s of 9.0 s', 'FAILED: never of 9.0 s'],
    ]);
  });

  it('and says what else was counted', () => {
    expect(plainTables(run)).toMatch(/^counted +\S+ +poor\nneedy: requests +17 +–$/mu);
    expect(markdownTables(run)).toMatch(/^\| needy: requests +\| 17 +\| – +\|$/mu);
    expect(plainTables({ ...run, outcomes: [] })).not.toContain('counted');
  });

  it('in Markdown with the fault in words, the formula, and what its terms are on each', () => {
    const text = markdownTables(run);
    expect(text).toMatch(
      /^\| an entry is removed \(`needy`\) +\| 1\.5 s of 9\.0 s +\| – nobody can +\| look \+ 2 × request +\|$/mu,
    );
    expect(text).toMatch(/^\| request +\| 2\.0 s +\| 2\.0 s +\|$/mu);
  });
});

describe('the catalogue', () => {
  it('names each scenario and each registry once', () => {
    for (const names of [SCENARIOS.map(({ name }) => name), KINDS.map(({ type }) => type)])
      expect(new Set(names).size).toBe(names.length);
  });

  it('has each scenario played on one registry at least, and says why not in few words', () => {
    for (const scenario of SCENARIOS) {
      const reasons = KINDS.map((kind) => whyNot(scenario, kind));
      expect(reasons).toContain(undefined);
      for (const why of reasons) expect((why ?? '').length).toBeLessThan(30);
    }
  });
});

function outcome(more: Partial<Outcome>): Outcome {
  return {
    name: 'needy',
    fault: 'an entry is removed',
    registry: first.type,
    bound: { ms: 9_000, formula: '' },
    healedInMs: 1_500,
    failures: [],
    counted: [],
    tookMs: 20_000,
    trace: '',
    ...more,
  };
}
