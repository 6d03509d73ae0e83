import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './tools/closing-line-reporter.ts';

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

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLineReporter()],
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
        // One file at a time: each has a registry, and processes, of its own.
        ...shared,
        test: {
          name: 'real',
          include: ['{packages,tools,examples}/*/test/**/*.real.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
