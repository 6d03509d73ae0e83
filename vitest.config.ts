import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './tools/closing-line-reporter.ts';

/** Tests run from source: this export condition leads into `src` instead of `dist`. */
const conditions = ['@rollcall/source', 'node', 'import', 'module', 'default'];

const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
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
