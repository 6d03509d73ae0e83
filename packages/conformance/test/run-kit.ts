import { adapterConformance, type AdapterHarness } from '../src/index.ts';

/** How a run of the kit ended, by `group > promise`. */
export interface Verdict {
  readonly passed: readonly string[];
  readonly failed: ReadonlyMap<string, unknown>;
  readonly skipped: readonly string[];
}

/**
 * Runs the kit with a runner of its own, each promise against a registry of its own, all at once.
 *
 * @param choose Which promises to run. Defaults to all.
 */
export async function runKit(
  createHarness: () => AdapterHarness,
  choose: (title: string) => boolean = () => true,
): Promise<Verdict> {
  const { tests, skipped } = collect(createHarness());
  const passed: string[] = [];
  const failed = new Map<string, unknown>();
  const run = async (title: string) => {
    try {
      await collect(createHarness()).tests.get(title)?.();
      passed.push(title);
    } catch (error) {
      failed.set(title, error);
    }
  };
  await Promise.all([...tests.keys()].filter(choose).map(run));
  return { passed, failed, skipped };
}

/** The promises that the kit would test, and those that it would skip. */
export function collect(harness: AdapterHarness): {
  readonly tests: ReadonlyMap<string, () => Promise<void>>;
  readonly skipped: readonly string[];
} {
  const tests = new Map<string, () => Promise<void>>();
  const skipped: string[] = [];
  const path: string[] = [];
  const titleOf = (name: string) => [...path.slice(1), name].join(' > ');
  adapterConformance(
    {
      describe(name, body) {
        path.push(name);
        body();
        path.pop();
      },
      it(name, body) {
        if (tests.has(titleOf(name))) throw new Error(`two promises are named ${titleOf(name)}`);
        tests.set(titleOf(name), body);
      },
      skip: (name) => skipped.push(titleOf(name)),
    },
    harness,
  );
  return { tests, skipped };
}
