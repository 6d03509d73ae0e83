import type { AdapterHarness } from './harness.ts';
import { whySkipped, type PromiseGroup } from './promise.ts';
import { aborting } from './promises/aborting.ts';
import { changing } from './promises/changing.ts';
import { closing } from './promises/closing.ts';
import { declaring } from './promises/declaring.ts';
import { dying } from './promises/dying.ts';
import { failing } from './promises/failing.ts';
import { naming } from './promises/naming.ts';
import { overriding } from './promises/overriding.ts';
import { reading } from './promises/reading.ts';
import { registering } from './promises/registering.ts';
import { watching } from './promises/watching.ts';
import { settingOf } from './setting.ts';
import type { TestFunctions } from './test-functions.ts';
import { Trial } from './trial.ts';

const GROUPS: readonly PromiseGroup[] = [
  declaring,
  registering,
  changing,
  overriding,
  dying,
  reading,
  naming,
  watching,
  aborting,
  failing,
  closing,
];

/**
 * Defines the tests of every promise that an adapter makes to the core: call it once, where tests are defined.
 * What the adapter's capabilities or the harness don't allow is passed to `tests.skip` with the reason.
 *
 * The tests use service names (and, where there are some, namespaces) of their own, so the registry need not be
 * empty. They run one after another: a fault of the registry would hit those beside it.
 */
export function adapterConformance(tests: TestFunctions, harness: AdapterHarness): void {
  const setting = settingOf(harness);
  tests.describe(`${harness.name} keeps the promises of an adapter`, () => {
    for (const group of GROUPS) {
      const reasons = group.promises.map((promise) => whySkipped(group, promise, setting));
      if (reasons.every((reason) => reason !== undefined)) {
        // No suite around these: where `skip` defines no test it would be empty, which some runners refuse.
        for (const [i, { title }] of group.promises.entries())
          tests.skip(`${group.title} > ${title}`, reasons[i] ?? '');
        continue;
      }
      tests.describe(group.title, () => {
        for (const [i, promise] of group.promises.entries()) {
          const reason = reasons[i];
          if (reason === undefined) {
            tests.it(promise.title, () => run(new Trial(setting), promise.test), setting.testMs);
          } else {
            tests.skip(promise.title, reason);
          }
        }
      });
    }
  });
}

async function run(trial: Trial, test: (trial: Trial) => Promise<void>): Promise<void> {
  try {
    await test(trial);
  } finally {
    await trial.end();
  }
}
