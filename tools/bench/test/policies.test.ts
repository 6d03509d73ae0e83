import { expect, it } from 'vitest';
import { inFreshProcess } from '../src/fresh-process.ts';
import { policies } from '../src/benches/policies.ts';

// Time is simulated, so this is the same on any machine.
it(
  'what docs/choosing-a-policy.md says of slow and failing instances holds',
  { timeout: 60_000 },
  async () => {
    const { rows, plots = [] } = await policies.run({
      quick: false,
      progress: () => {},
      fresh: inFreshProcess,
    });
    expect(rows.filter(({ met }) => met !== undefined)).toHaveLength(4);
    expect(rows.filter(({ met }) => met === false)).toEqual([]);
    expect(plots.map(({ file }) => file)).toEqual(['policies.svg']);
    expect(plots[0]?.svg).toMatch(/^<svg[^]*p2c-ewma[^]*<\/svg>\n$/u);
    expect(plots[0]?.svg).not.toContain('NaN');
  },
);
