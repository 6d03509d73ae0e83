import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance } from '../../src/config/did-you-mean.ts';

describe('editDistance', () => {
  it.each([
    ['', 'abc', 3],
    ['type', 'type', 0],
    ['tpye', 'type', 1],
    ['kitten', 'sitting', 3],
    ['ttl', 'ttlMs', 2],
  ])('%s to %s', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is the same both ways', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
      }),
    );
  });
});

describe('didYouMean', () => {
  const known = ['type', 'namespace', 'options', 'pollIntervalMs'];

  it.each([
    ['tpye', 'type'],
    ['nameSpace', 'namespace'],
    ['option', 'options'],
    ['pollInterval', 'pollIntervalMs'],
    ['colour', undefined],
    ['po', undefined],
  ])('%s: %s', (name, candidate) => {
    expect(didYouMean(name, known)).toBe(candidate);
  });
});
