import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/**
 * Ends a test run with one line that people and programs can read, `N passed, N failed, N skipped`, after everything
 * else that is printed. Skipped tests are listed with their reasons. With `CI=true` each of them counts as a failure,
 * because there everything is meant to run, and the run fails.
 *
 * It stands beside the usual reporter: `reporters: ['default', new ClosingLineReporter()]`.
 */
export class ClosingLineReporter implements Reporter {
  readonly #ci: boolean;
  #ended = false;
  #count: { passed: number; failed: number; skipped: string[] } = { passed: 0, failed: 0, skipped: [] };

  constructor(options: { readonly ci?: boolean } = {}) {
    this.#ci = options.ci ?? process.env['CI'] === 'true';
  }

  onInit(): void {
    // At the exit, because other reporters and the closing of the run print after `onTestRunEnd`.
    process.once('exit', (code) => {
      if (!this.#ended) printLast('0 passed, 1 failed');
      else printLast(this.#closingLine(code));
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#ended = true;
    this.#count = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) {
      // A file that can't be loaded, or a hook that failed, has no failed test to show for it.
      this.#count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) this.#count.failed += suite.errors().length;
      for (const test of module.children.allTests()) this.#add(test);
    }
    if (this.#ci && this.#count.skipped.length > 0) process.exitCode = 1;
  }

  #add(test: TestCase): void {
    const result = test.result();
    if (result.state === 'passed') this.#count.passed++;
    else if (result.state === 'skipped') {
      const reason =
        result.note ?? (test.options.mode === 'todo' ? 'still to be written' : 'its name may tell why');
      this.#count.skipped.push(`${test.module.relativeModuleId} > ${test.fullName}\n    because: ${reason}`);
    } else this.#count.failed++; // failed, or never finished
  }

  #closingLine(code: number): string {
    const { passed, failed, skipped } = this.#count;
    if (skipped.length > 0) {
      const verdict = this.#ci ? 'which counts as failed here' : 'which fails in CI';
      printLast(`\nSKIPPED ${skipped.length}, ${verdict}:\n  ${skipped.join('\n  ')}\n`);
    }
    const allFailed = failed + (this.#ci ? skipped.length : 0);
    // The run failed for another reason than a test, such as a worker that did not end.
    const told = allFailed === 0 && code !== 0 ? 1 : allFailed;
    const skippedPart = !this.#ci && skipped.length > 0 ? `, ${skipped.length} skipped` : '';
    return `${passed} passed, ${told} failed${skippedPart}`;
  }
}

function printLast(text: string): void {
  // Written at once, for terminals, files and, but for Windows, pipes: nothing that is queued outlives the exit.
  process.stdout.write(`${text}\n`);
}
