import { describe, expect, it } from 'vitest';
import { percentile } from '../src/statistics.ts';

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
