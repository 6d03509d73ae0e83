import { describe, expect, it } from 'vitest';
import { type Evidence, judge, type ProcessEvidence } from '../src/judge.ts';
import type { Reading } from '../src/protocol.ts';

// A reader that lost touch from second 10 to second 20, was confirmed at 21, and was looked at until second 30.
const FAULT = { faultFrom: 10_000, mendFrom: 20_000, healedAt: 21_000, endedAt: 30_000 };

describe('the judge passes', () => {
  it('a reader whose list stayed, grew old, said why, and was confirmed again', () => {
    expect(judge(evidence())).toEqual([]);
  });

  it('a reader that stayed live, where the fault was not its own', () => {
    const promise = { keeps: ['a'], during: 'live' } as const;
    expect(judge(evidence({ promise, readings: readings((at) => good(at, 1_000)) }))).toEqual([]);
  });
});

describe('the judge fails a reader', () => {
  const altered = (when: number, change: Partial<Reading>) =>
    judge(
      evidence({ readings: readings().map((each) => (each.at === when ? { ...each, ...change } : each)) }),
    );
  const list = { ids: ['a'], ageMs: 0, source: 'registry' } as const;

  it('that had a list and then none', () => {
    expect(altered(15_000, { list: undefined })).toContainEqual(
      expect.stringContaining('a list and then none'),
    );
  });

  it('that saw an empty list', () => {
    expect(altered(15_000, { list: { ...list, ids: [], ageMs: 5_000 } })).toContainEqual(
      expect.stringContaining('its list was empty'),
    );
  });

  it('whose list lacked an instance', () => {
    expect(altered(20_500, { list: { ...list, ids: ['b'], ageMs: 10_500 } })).toContainEqual(
      expect.stringContaining('lacked one of [a]'),
    );
  });

  it('whose list changed while it was cut off', () => {
    expect(altered(15_000, { list: { ...list, ids: ['a', 'b'], ageMs: 5_000 } })).toContainEqual(
      expect.stringContaining('didn’t stay'),
    );
  });

  it('whose list says that it is fresh while it can’t be', () => {
    expect(altered(15_000, { list })).toContainEqual(expect.stringContaining('confirmed during the fault'));
  });

  it('that doesn’t say why its list is old', () => {
    expect(altered(19_500, { error: 'PROTOCOL' })).toContainEqual(
      expect.stringContaining('stale because of UNAVAILABLE'),
    );
    expect(altered(19_500, { status: 'live' })).toContainEqual(
      expect.stringContaining('stale because of UNAVAILABLE'),
    );
  });

  it('that lost its list again after it was healed', () => {
    expect(altered(25_000, { status: 'stale' })).toContainEqual(expect.stringContaining('did not stay so'));
    expect(altered(25_000, { list: { ...list, ageMs: 9_000 } })).toContainEqual(
      expect.stringContaining('did not stay so'),
    );
  });

  it('that lost touch though the fault was not its own', () => {
    expect(judge(evidence({ promise: { keeps: ['a'], during: 'live' } }))).toContainEqual(
      expect.stringContaining('lost touch'),
    );
  });

  it('whose reads stood still', () => {
    const gap = readings().filter(({ at }) => at < 12_000 || at > 16_000);
    expect(judge(evidence({ readings: gap }))).toContainEqual(expect.stringContaining('stood still'));
  });

  it('that never had a list, or made no reads in the fault', () => {
    expect(judge(evidence({ readings: [] }))).toContainEqual(
      expect.stringContaining('never had a list with [a]'),
    );
    const before = readings().filter(({ at }) => at < 10_000);
    expect(judge(evidence({ readings: before }))).toContainEqual(expect.stringContaining('no reads during'));
  });
});

describe('the judge fails a run', () => {
  it('that healed late, or never', () => {
    expect(judge({ ...evidence(), healedInMs: 5_001 })).toEqual([
      'it was healed after 5001 ms, the bound is 5000 ms',
    ]);
    expect(judge({ ...evidence(), healedInMs: undefined })).toEqual(['it was not healed']);
  });

  it('in which a process had a trouble', () => {
    expect(judge(evidence({ troubles: ['unhandledRejection: x'] }))).toEqual([
      'reader: unhandledRejection: x',
    ]);
  });

  it('in which a password was told, as it is or escaped', () => {
    for (const said of ['pass/word', 'http://me:pass%2Fword@host', 'cGFzcy93b3Jk'])
      expect(judge(evidence({ utterances: ['x', `log: ${said}!`] }))).toContainEqual(
        expect.stringContaining('told a password'),
      );
  });

  it('in which a promise of the scenario itself was not kept', () => {
    expect(judge({ ...evidence(), unmet: ['this'] })).toEqual(['this']);
  });
});

function good(at: number, ageMs: number): Reading {
  return {
    at,
    list: { ids: ['a'], ageMs, source: 'registry' },
    status: 'live',
    error: undefined,
    registration: undefined,
    registrationError: undefined,
  };
}

function readings(at: (at: number) => Reading = ordinary): readonly Reading[] {
  return Array.from({ length: 60 }, (_, i) => at((i + 1) * 500));
}

function ordinary(at: number): Reading {
  const isCut = at > FAULT.faultFrom && at < FAULT.healedAt;
  if (!isCut) return good(at, 500);
  return { ...good(at, at - FAULT.faultFrom + 500), status: 'stale', error: 'UNAVAILABLE' };
}

function evidence(process: Partial<ProcessEvidence> = {}): Evidence {
  return {
    ...FAULT,
    healedInMs: 1_000,
    healedIds: ['a'],
    boundMs: 5_000,
    healthyAgeMs: 2_700,
    seenMs: 0,
    unmet: [],
    secrets: ['pass/word'],
    processes: [
      {
        name: 'reader',
        promise: { keeps: ['a'], during: 'cut', because: ['UNAVAILABLE'] },
        readings: readings(),
        troubles: [],
        utterances: [],
        ...process,
      },
    ],
  };
}
