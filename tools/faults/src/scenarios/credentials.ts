import type { RegistryErrorCode } from '@rollcall/core';
import type { Participant } from '../participant.ts';
import type { Scenario } from '../scenario.ts';
import { SETTLE_WITHIN_MS, type Stage } from '../stage.ts';

export const wrongPassword: Scenario = {
  name: 'wrong-credential',
  fault: 'processes start with a credential that is refused, until the operator mends it',
  needs: ['lockOut', 'letIn'],
  bound: ['request', 'backoff', 'seen'],
  async run(stage) {
    await stage.operator('lockOut')(stage.service);
    const registrant = stage.join('registrant', { registers: 'a' });
    // Not promised more: when it is let in first, the registry truly has no instance yet.
    const reader = stage.join('reader', { reads: true });
    await stage.fault({
      begin() {},
      async during() {
        const refusal = await reader.answer('load', SETTLE_WITHIN_MS);
        const { code, names } = stage.kind.refusal;
        stage.expect(
          refusal?.code === code && names.test(refusal.message),
          `load() says ${code} and what to check (${refusal?.message ?? 'it resolved'})`,
        );
        await saysWhy(registrant, code);
      },
      lastsMs: 2_000,
      async end() {
        stage.expect(
          reader.readings.every(({ list }) => list === undefined),
          'a reader that was never let in has no list, not an empty one',
        );
        await stage.operator('letIn')(stage.service);
      },
    });
    await stage.healed(['a']);
  },
};

export const passwordChanged: Scenario = {
  name: 'credential-refused',
  fault: 'running processes’ credential is refused, and taken again after 8 s',
  needs: ['lockOut', 'letIn'],
  bound: ['request', 'backoff', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('reader', {
      reads: {
        keeps: ['a'],
        during: 'cut',
        because: [stage.kind.refusal.code],
        cutWithinMs: untilNoticed(stage),
      },
    });
    await stage.settled(['a']);
    await stage.fault({
      begin: () => stage.operator('lockOut')(stage.service),
      lastsMs: 8_000,
      end: () => stage.operator('letIn')(stage.service),
    });
    await stage.healed(['a']);
  },
};

export const credentialsRotated: Scenario = {
  name: 'credentials-rotated',
  fault: 'the clients’ credential ends, and another is there for them; it lasts 12 s',
  needs: ['rotate'],
  bound: ['request', 'backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('reader', { reads: { keeps: ['a'], during: 'either' } });
    await stage.settled(['a']);
    await stage.fault({ begin: () => stage.operator('rotate')(), lastsMs: 12_000 });
    await stage.healed(['a']);
  },
};

async function saysWhy(registrant: Participant, code: RegistryErrorCode): Promise<void> {
  const isRefused = () => registrant.latest?.registrationError === code || undefined;
  await registrant.until(code, SETTLE_WITHIN_MS, isRefused);
}

/** A registry may serve those who are in already until they ask for something anew: the next relist does. */
function untilNoticed({ settings: { relistIntervalMs, allowanceMs }, kind: { refusal } }: Stage): number {
  return (refusal.afterMs ?? 0) + relistIntervalMs * 1.2 + allowanceMs;
}
