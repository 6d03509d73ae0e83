/**
 * What the kit needs of a test runner. They are injected, so that it runs under any of them:
 *
 * ```ts
 * // Vitest
 * import { describe, it } from 'vitest';
 * const tests = { describe, it, skip: (name, reason) => it.skip(`${name} (${reason})`) };
 *
 * // node:test
 * import { describe, it } from 'node:test';
 * const tests = {
 *   describe,
 *   it: (name, body, timeout) => it(name, { timeout }, body),
 *   skip: (name, reason) => it(name, { skip: reason }, () => {}),
 * };
 * ```
 */
export interface TestFunctions {
  describe(name: string, body: () => void): void;
  /** One test. `timeoutMs` is the longest that it may take; the waits inside it end before. */
  it(name: string, body: () => Promise<void>, timeoutMs: number): void;
  /** A test that doesn't apply, and why. It is called so that what isn't tested is listed, never silently absent. */
  skip(name: string, reason: string): void;
}
