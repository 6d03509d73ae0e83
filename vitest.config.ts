import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './tools/closing-line-reporter.ts';
import { LongFilesFirst } from './tools/long-files-first.ts';

/** Tests run from source: this export condition leads into `src` instead of `dist`. */
const conditions = ['@rollcall/source', 'node', 'import', 'default'];

/**
 * For what Node itself loads. Without `import`: a `require` that got the ESM build of `long` would leave protobufjs
 * without it, and every int64 from etcd would be rounded.
 */
const externalConditions = ['@rollcall/source', 'node'];

const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions } },
};

/** Real tests that need a processor for themselves: leases of a second end when such a process is kept waiting. */
const alone = ['packages/conformance/test/broken-adapters.real.test.ts'];

const real = {
  ...shared,
  test: {
    include: ['{packages,tools,examples}/*/test/**/*.real.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
};

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLineReporter()],
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{packages,tools,examples}/*/test/**/*.test.ts'],
          exclude: ['**/*.real.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Each file has a registry, and processes, of its own. Mostly they wait for those: more than two at once and what is measured comes late.
        ...real,
        test: {
          ...real.test,
          name: 'real',
          exclude: [...real.test.exclude, ...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...real,
        test: { ...real.test, name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
