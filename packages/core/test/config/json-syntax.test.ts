import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonSyntaxProblem } from '../../src/config/json-syntax.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('jsonSyntaxProblem', () => {
  it('finds none exactly where JSON.parse finds none', () => {
    const damaged = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', ']', '0', '\\', '\n', 'x', '-', '.', ':'),
        fc.nat(2),
      )
      .map(([text, at, insert, cut]) => {
        const i = at % (text.length + 1);
        return text.slice(0, i) + insert + text.slice(i + cut);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        expect(jsonSyntaxProblem(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['{"a": tru}', 6, 'expected a value'],
    ['{"a" 1}', 5, 'expected :'],
    ['[1 2]', 3, 'expected , or ]'],
    ['{} x', 3, 'expected the end of the file'],
    ['["a', 1, 'expected a value'],
    ['[1,', 3, 'expected a value, but the file ends'],
  ])('%s', (text, offset, what) => {
    expect(jsonSyntaxProblem(text)).toEqual({ offset, what });
  });
});
