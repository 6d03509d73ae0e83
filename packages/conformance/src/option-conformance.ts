import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { RegistryError } from '@rollcall/core';
import type { TestFunctions } from './test-functions.ts';

export interface OptionHarness {
  /** The adapter's function, such as `redisAdapter`. */
  create(options: object): unknown;
  /** What is wrong, options that are wrong in that way and no other, and what the error calls the option at fault. */
  readonly wrong: readonly (readonly [what: string, options: object, name: string])[];
  /** What stands in `wrong` for a password or a token: no error may tell it. */
  readonly secret?: string;
}

/** Checking options takes no time: this ends a check that hangs. */
const TEST_MS = 5_000;

/**
 * Defines a test for each way in which options can be wrong: the adapter is refused at once, with `INVALID_CONFIG` and the name
 * of the option, and without what is secret.
 */
export function optionConformance(
  tests: Pick<TestFunctions, 'describe' | 'it'>,
  harness: OptionHarness,
): void {
  const { wrong, secret } = harness;
  tests.describe('a wrong option is refused, by its name', () => {
    for (const [what, options, name] of wrong)
      tests.it(
        what,
        async () => {
          const error = await refusalOf(() => harness.create(options));
          assert.ok(
            error instanceof RegistryError,
            `it must be refused by a RegistryError, not ${inspect(error)}`,
          );
          assert.equal(error.code, 'INVALID_CONFIG');
          const text = inspect(error);
          assert.ok(error.message.includes(name), `the error must name ${name}: ${error.message}`);
          // Also what else a log might print of it.
          if (secret !== undefined) assert.ok(!text.includes(secret), `the error tells a secret: ${text}`);
        },
        TEST_MS,
      );
  });
}

async function refusalOf(create: () => unknown): Promise<unknown> {
  try {
    await create();
  } catch (error) {
    return error;
  }
  return undefined;
}
