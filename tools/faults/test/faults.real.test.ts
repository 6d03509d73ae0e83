import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { KINDS, SCENARIOS } from '../src/catalogue.ts';
import type { RegistryKind } from '../src/registry-kind.ts';
import { etcd } from '../src/registries/etcd.ts';
import { runScenario } from '../src/run-scenario.ts';
import { whyNot } from '../src/scenario.ts';
import { passwordChanged } from '../src/scenarios/credentials.ts';
import { compactedWhileCut } from '../src/scenarios/network.ts';
import { leaseEnded } from '../src/scenarios/operator.ts';
import { killedAndRestarted } from '../src/scenarios/server.ts';
import { SETTINGS } from '../src/settings.ts';
import { SCENARIOS_AT_ONCE, Turns } from '../src/turns.ts';

// They wait for their turn inside of the test, and share nothing: each has servers and processes of its own.
const turns = new Turns(SCENARIOS_AT_ONCE);
const timeout = 600_000;

for (const kind of KINDS) {
  describe.concurrent(`readers keep their list, and all is listed again in time, on ${kind.type}`, () => {
    // The heavy ones take the machine for themselves: `npm run test:faults` has them.
    for (const scenario of SCENARIOS.filter((each) => !each.isHeavy && whyNot(each, kind) === undefined)) {
      it(`${scenario.name}: ${scenario.fault}`, { timeout }, async ({ expect }) => {
        const { failures, trace } = await turns.run(() => runScenario(scenario, kind));
        expect(failures, trace).toEqual([]);
      });
    }
  });
}

describe.concurrent('a broken adapter is found out', () => {
  it('a lease that doesn’t hear of its loss: not listed again', { timeout }, async ({ expect }) => {
    // Else the registrar's look at the list would make up for it.
    const settings = { ...SETTINGS, verifyIntervalMs: 60_000 };
    const { failures, healedInMs } = await turns.run(() =>
      runScenario(leaseEnded, broken('deaf-lease'), { settings }),
    );
    expect(failures).toContain('it was not healed');
    expect(healedInMs).toBeUndefined();
  });

  it(
    'a watch that resumes without a list: the changes meanwhile are never seen',
    { timeout },
    async ({ expect }) => {
      const { failures } = await turns.run(() => runScenario(compactedWhileCut, broken('resuming-watch')));
      expect(failures).toContain('it was not healed');
    },
  );

  it('an outage that is told as an empty list', { timeout }, async ({ expect }) => {
    // Else the hold would make up for it.
    const settings = { ...SETTINGS, holdMs: 3_000 };
    const { failures } = await turns.run(() =>
      runScenario(killedAndRestarted, broken('empty-outage'), { settings }),
    );
    expect(failures).toContainEqual(expect.stringContaining('reader: its list was empty'));
  });

  it(
    'a password in a warning, a lost rejection, and a timer that is left',
    { timeout },
    async ({ expect }) => {
      const { failures } = await turns.run(() => runScenario(passwordChanged, broken('careless')));
      expect(failures).toContainEqual(expect.stringContaining('reader: it told a password'));
      expect(failures).toContainEqual(expect.stringContaining('reader: unhandledRejection'));
      expect(failures).toContainEqual(expect.stringContaining('reader: it didn’t end by itself'));
    },
  );
});

/** etcd, but its clients use the adapter in this file of `broken/`. */
function broken(file: string): RegistryKind {
  const type = fileURLToPath(new URL(`broken/${file}.ts`, import.meta.url));
  return {
    ...etcd,
    async start(options) {
      const registry = await etcd.start(options);
      return { ...registry, client: (port) => ({ ...registry.client(port), type }) };
    },
  };
}
