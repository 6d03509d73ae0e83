import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  type AdapterContext,
  type AdapterDefinition,
  defineAdapter,
  type RegistryAdapter,
} from '../../src/adapter.ts';
import { systemClock } from '../../src/clock.ts';
import { checkAdapter, createAdapter, selectAdapter } from '../../src/config/create-adapter.ts';
import { RegistryError } from '../../src/errors.ts';
import { tempFolder } from './temp-folder.ts';

const context: AdapterContext = { clock: systemClock, warn: () => {} };

const never = () => Promise.reject(new Error('not called here'));

const whole: RegistryAdapter = {
  type: 'mine',
  capabilities: {
    liveness: 'lease',
    crashSlackMs: 0,
    propagationMs: 0,
    ttlRangeMs: { min: 1, max: 2 },
    fields: [],
    namespaces: true,
    anyName: true,
  },
  open: never,
  close: never,
  register: never,
  deregister: never,
  discover: never,
  listServices: never,
};

const options = z.strictObject({
  endpoints: z.array(z.url()).default(['http://localhost']),
  retries: z.int().min(0).optional(),
  password: z.string().regex(/^\w+$/).optional(),
});

const definition: AdapterDefinition = defineAdapter({ type: 'mine', options, create: () => whole });

function sourceOf(path: readonly PropertyKey[]): string | undefined {
  return path.includes('retries') ? 'ROLLCALL_X' : undefined;
}

async function refusal(promise: Promise<unknown>): Promise<RegistryError> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  if (!(error instanceof RegistryError)) throw new Error('it was accepted', { cause: error });
  expect(error.code).toBe('INVALID_CONFIG');
  return error;
}

describe('the options of an adapter', () => {
  it('reach it validated, with their defaults', async () => {
    const seen: unknown[] = [];
    const watching = defineAdapter({
      type: 'mine',
      options,
      create: (...given) => (seen.push(...given), whole),
    });
    expect(await createAdapter(watching, { retries: 1 }, context)).toBe(whole);
    expect(seen).toEqual([{ endpoints: ['http://localhost'], retries: 1 }, context]);
  });

  it('may be left out', async () => {
    expect(await createAdapter(definition, undefined, context)).toBe(whole);
  });

  it('are refused with every problem, by their keys in the configuration', async () => {
    const wrong = { endpoint: 'x', endpoints: ['http://a', 7], retries: -1 };
    const error = await refusal(createAdapter(definition, wrong, context, { sourceOf }));
    expect(error.message.split('\n')).toEqual([
      'Invalid configuration, 3 problems:',
      '  - registry.options.endpoints[1] must be a text, but it is 7',
      '  - registry.options.retries must be at least 0, but it is -1 (in ROLLCALL_X)',
      '  - registry.options.endpoint is not a known key: did you mean registry.options.endpoints?',
    ]);
    expect(error.field).toBe('registry.options.endpoints[1]');
  });

  it('may be validated by any library, also one that takes its time', async () => {
    const slow: AdapterDefinition = {
      type: 'slow',
      options: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: async () => ({
            issues: [{ message: 'wrong', path: [{ key: 'a' }, 'b'] }, { message: 'odd' }],
          }),
        },
      },
      create: () => whole,
    };
    const error = await refusal(createAdapter(slow, {}, context));
    expect(error.message).toContain('registry.options.a.b wrong');
    expect(error.message).toContain('registry.options odd');
  });

  it('never show a credential, whoever writes the message', async () => {
    const leaking: AdapterDefinition = {
      type: 'leaking',
      options: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: () => ({
            issues: [{ message: 'expected a number but received "hunter2"', path: ['password'] }],
          }),
        },
      },
      create: () => whole,
    };
    const given = { password: 'hunter2' };
    expect((await refusal(createAdapter(leaking, given, context))).message).not.toContain('hunter2');

    const throwing = defineAdapter({
      type: 'throwing',
      options,
      create: () => {
        throw new Error('cannot log in with hunter2');
      },
    });
    const error = await refusal(createAdapter(throwing, given, context));
    expect(error.message).toContain(
      'registry.options are refused by the adapter throwing: cannot log in with ***',
    );
    expect(error.cause).toBeUndefined();

    const wrong = await refusal(createAdapter(definition, { password: 'hunter 2' }, context));
    expect(wrong.message).toContain('registry.options.password');
    expect(wrong.message).not.toContain('hunter');
  });
});

describe('an adapter', () => {
  it('that lacks methods is refused, and they are named', async () => {
    const lame: RegistryAdapter = JSON.parse(JSON.stringify({ ...whole, close: '', register: 7 }));
    const message =
      'leads to the adapter mine, which lacks open(), close(), register(), deregister(), discover(), listServices()';
    expect(() => checkAdapter(lame)).toThrow(message);
    await expect(createAdapter({ ...definition, create: () => lame }, {}, context)).rejects.toThrow(message);
    expect(() => checkAdapter({ ...whole, discover: undefined })).toThrow(/lacks discover\(\):/);
  });

  it.each([
    [{ ...whole, type: '' }, 'lacks type'],
    [{ ...whole, capabilities: undefined }, 'lacks capabilities'],
    [{ ...whole, watch: true }, 'lacks watch() (it is there, but not a function)'],
    [undefined, 'no object, but undefined'],
    [null, 'no object, but null'],
  ])('that is malformed is refused (%#)', (adapter, message) => {
    expect(() => checkAdapter(adapter)).toThrow(message);
  });
});

describe('the selection', () => {
  it('takes a type', async () => {
    expect((await selectAdapter('memory', {}, context)).type).toBe('memory');
  });

  it('takes a module in a folder', async () => {
    const cwd = await tempFolder({
      'a.mjs': `export const adapter = {
        type: 'a',
        options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
        create: () => ({ type: 'a', capabilities: {}, open() {}, close() {}, register() {}, deregister() {}, discover() {}, listServices() {} }),
      };`,
    });
    expect((await selectAdapter('./a.mjs', {}, context, { cwd })).type).toBe('a');
  });

  it('takes a definition', async () => {
    expect(await selectAdapter(definition, {}, context)).toBe(whole);
    const broken: AdapterDefinition = JSON.parse('{"type":"x","create":1}');
    await expect(selectAdapter(broken, {}, context)).rejects.toThrow('`options` must be a Standard Schema');
  });

  it('takes an adapter', async () => {
    expect(await selectAdapter(whole, undefined, context)).toBe(whole);
  });
});
