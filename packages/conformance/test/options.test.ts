import { RegistryError } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { optionConformance } from '../src/index.ts';

const secret = 'hunter2';
const refused = (message: string) => new RegistryError('INVALID_CONFIG', message);

describe('the kit', () => {
  it('passes options that are refused by their name', async () => {
    const outcome = await outcomeOf(() => {
      throw refused('registry.options.token is too short');
    });
    expect(outcome).toBeUndefined();
  });

  it.each<[string, () => unknown, RegExp]>([
    ['takes them', () => ({}), /must be refused by a RegistryError/],
    ['throws something else', () => thrown(new TypeError('token')), /not TypeError: token/],
    ['has another code', () => thrown(new RegistryError('UNAVAILABLE', 'token')), /INVALID_CONFIG/],
    ['does not say which', () => thrown(refused('no good')), /must name token: no good/],
    ['tells what is secret', () => thrown(refused(`token ${secret} is too short`)), /tells a secret/],
    [
      'tells it in what lies behind',
      () => thrown(new RegistryError('INVALID_CONFIG', 'token', { cause: new Error(secret) })),
      /tells a secret/,
    ],
  ])('catches an adapter that %s', async (_what, create, told) => {
    expect(String(await outcomeOf(create))).toMatch(told);
  });
});

function thrown(error: Error): never {
  throw error;
}

/** What the one test of the kit throws. */
async function outcomeOf(create: () => unknown): Promise<unknown> {
  const tests: (() => Promise<void>)[] = [];
  optionConformance(
    { describe: (_name, body) => body(), it: (_name, body) => void tests.push(body) },
    { create, secret, wrong: [['a short token', { token: secret }, 'token']] },
  );
  expect(tests).toHaveLength(1);
  return await tests[0]?.().then(
    () => undefined,
    (error: unknown) => error,
  );
}
