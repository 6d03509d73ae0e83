import { describe, expect, it } from 'vitest';

import { readOptions } from '../src/options.ts';

const output = (args: readonly string[], isTTY: boolean, env: NodeJS.ProcessEnv) => {
  const options = readOptions(args, { isTTY, env });
  return options === 'help' ? options : options.output;
};

describe('the output', () => {
  it.each([
    { output: 'screen', on: 'a terminal', isTTY: true, env: {} },
    { output: 'screen', on: 'a terminal where NO_COLOR is empty', isTTY: true, env: { NO_COLOR: '' } },
    { output: 'plain', on: 'a terminal under NO_COLOR', isTTY: true, env: { NO_COLOR: '1' } },
    { output: 'plain', on: 'a terminal that can do nothing', isTTY: true, env: { TERM: 'dumb' } },
    { output: 'plain', on: 'no terminal', isTTY: false, env: {} },
  ])('is $output on $on', ({ output: expected, isTTY, env }) => {
    expect(output([], isTTY, env)).toBe(expected);
  });

  it('is what the option says on any terminal', () => {
    expect(output(['--plain'], true, {})).toBe('plain');
    expect(output(['--json'], true, {})).toBe('json');
  });
});
