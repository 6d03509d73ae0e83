import { describe, expect, it } from 'vitest';
import { commandNamed } from '../src/command-named.ts';
import { commandWord, readLine } from '../src/command-line.ts';
import { COMMANDS } from '../src/commands.ts';
import { parseDuration } from '../src/duration.ts';
import { parseWeight } from '../src/weight-value.ts';

const read = (...args: readonly string[]) =>
  readLine(args, commandNamed(commandWord(args, COMMANDS) ?? '', COMMANDS), COMMANDS);

describe('a command line', () => {
  it('has the command first, or options before it', () => {
    expect(read('instances', 'a', '--json').operands).toEqual(['a']);
    const line = read('--registry', 'file', 'instances', 'a');
    expect([line.command, line.operands, line.text('registry')]).toEqual(['instances', ['a'], 'file']);
  });

  it('takes options as two words or as one, and some several times', () => {
    const line = read('register', 'a', '--port=1', '--tag', 'x', '--tag=y', '--meta', 'k=v=w');
    expect([line.text('port'), line.texts('tag'), line.texts('meta')]).toEqual(['1', ['x', 'y'], ['k=v=w']]);
  });

  it('leaves what stands behind -- to the command there', () => {
    const line = read('register', 'a', '--port', '1', '--', 'node', '--help', '--port', '2');
    expect([line.operands, line.rest, line.text('port')]).toEqual([
      ['a'],
      ['node', '--help', '--port', '2'],
      '1',
    ]);
  });
});

describe('a mistake in it', () => {
  it.each([
    [['servces'], 'there is no command servces. Did you mean services?'],
    [['instances'], 'instances needs SERVICE'],
    [['instances', 'a', 'b'], 'instances takes SERVICE, not also b'],
    [['services', 'a'], 'services takes no operand, not also a'],
    [['instances', 'a', '--regstry', 'x'], 'there is no option --regstry. Did you mean --registry?'],
    [['instances', 'a', '--port', '1'], 'instances has no option --port; register and serve have it'],
    [['instances', 'a', '-x'], 'instances has no option -x'],
    [['instances', 'a', '--json=yes'], '--json takes no value'],
    [['instances', 'a', '--registry'], '--registry needs a value: --registry=TYPE'],
    [['instances', 'a', '--registry', '--json'], '--registry needs a value: --registry=TYPE'],
    [['instances', 'a', '--', 'ls'], 'instances takes no command behind --'],
    [['instances', 'a', '--__proto__', 'x'], 'instances has no option --__proto__'],
  ])('%j is told', (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });
});

describe('a duration', () => {
  it('has its unit', () => {
    expect(['500ms', '10s', '2m', '1.5h'].map((text) => parseDuration('timeout', text))).toEqual([
      500, 10_000, 120_000, 5_400_000,
    ]);
  });

  it.each(['', '10', '0s', '-1s', '10 s', '1e3s', '1000h', 'Infinity'])('is not %j', (text) => {
    expect(() => parseDuration('timeout', text)).toThrow(
      '--timeout takes a duration such as 500ms, 10s or 2m',
    );
  });
});

describe('a weight', () => {
  it('is a number from 0 to 1000000', () => {
    expect(['0', '0.25', '7', '1000000'].map((text) => parseWeight('W', text, 'weight'))).toEqual([
      0, 0.25, 7, 1_000_000,
    ]);
  });

  it.each(['', 'much', '-1', '1e3', '1000001', 'Infinity', '0x10'])('is not %j', (text) => {
    expect(() => parseWeight('W', text, 'weight')).toThrow('W is a number from 0 to 1000000');
  });
});

describe('a command that is told too much or too little', () => {
  it.each([
    [['drain', 'users'], 'drain needs the ID of an instance, or --all'],
    [['drain', 'users', 'one', '--all', '--yes'], 'drain takes --all or ids, not both'],
    [['restore', 'a.json', '--unchecked', '--yes'], '--unchecked is for --hold'],
    [['bench', '--instances', '0'], '--instances is a number from 1 to 100000, not 0'],
    [['bench', '--concurrency', 'many'], '--concurrency is a number from 1 to 1000, not many'],
    [['bench', '--duration', '5'], '--duration takes a duration such as 500ms, 10s or 2m, not 5'],
  ])('%j says so, before it asks the registry', async (args, message) => {
    const line = read(...args);
    const told = async () => commandNamed(line.command, COMMANDS).run(line);
    await expect(told).rejects.toThrow(message);
  });
});

describe('every command', () => {
  it('says in a line of 80 columns what it does', () => {
    for (const { name, summary } of COMMANDS)
      expect(`  ${name.padEnd(12)}${summary}`.length, name).toBeLessThanOrEqual(80);
  });

  it('has examples in its help that are good command lines', () => {
    const examples = COMMANDS.flatMap(({ details }) => details.match(/^ {2}rollcall [^|>\n]*$/gm) ?? []);
    expect(examples.length).toBeGreaterThan(8);
    for (const example of examples)
      expect(() => read(...example.trim().split(/\s+/).slice(1)), example).not.toThrow();
  });
});
