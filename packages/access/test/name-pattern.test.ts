import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, compilePatterns } from '../src/policy/name-pattern.ts';

const fits = (pattern: string, name: string, home = {}) => compilePattern(pattern, home)?.(name) ?? false;

describe('a pattern', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['**', 'anything', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'a1b2c', true],
    ['a*b*c', 'a1c2b', false],
    ['*b*', 'abc', true],
    ['a.c', 'abc', false],
    ['(a|b)+', 'a', false],
    ['[ab]', 'a', false],
  ])('%j for %j: %s', (pattern, name, expected) => {
    expect(fits(pattern, name)).toBe(expected);
  });

  it('means with * what a regular expression means with .*', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll(/\*+/g, '.*')}$`, 'u').test(name);
        expect(fits(pattern, name)).toBe(expected);
      }),
    );
  });

  it('takes a home letter by letter, and means nothing without one', () => {
    expect(fits('{namespace}', '*', { namespace: '*' })).toBe(true);
    expect(fits('{namespace}', 'a', { namespace: '*' })).toBe(false);
    expect(fits('x-{service}-*', 'x-a*b-1', { service: 'a*b' })).toBe(true);
    expect(fits('x-{service}-*', 'x-aab-1', { service: 'a*b' })).toBe(false);
    expect(compilePattern('{service}', { namespace: 'a' })).toBeUndefined();
    expect(compilePatterns(['{service}', 'a'], {})?.('a')).toBe(true);
    expect(compilePatterns([], {})).toBeUndefined();
  });

  it('that is made to be slow isn’t', () => {
    const begin = performance.now();
    const evil = `${'*a'.repeat(120)}b`;
    for (let i = 0; i < 1_000; i++) expect(fits(evil, 'a'.repeat(240))).toBe(false);
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});
