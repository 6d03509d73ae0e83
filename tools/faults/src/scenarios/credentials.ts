import type { Participant } from '../participant.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

export const wrongPassword: Scenario = {
  name: 'wrong-password',
  fault: 'processes start with a password that is wrong, until the operator sets it',
  needs: ['lockOut', 'letIn'],
  bound: ['request', 'backoff'],
  async run(stage) {
    await stage.operator('lockOut')();
    const registrant = stage.join('registrant', { registers: 'a' });
    // Not promised more: when it is let in first, the registry truly has no instance yet.
    const reader = stage.join('reader', { reads: true });
    await stage.fault({
      begin() {},
      async during() {
        const refusal = await reader.answer('load', 30_000);
        stage.expect(
          refusal?.code === 'UNAUTHENTICATED' && refusal.message.includes('password'),
          `load() says UNAUTHENTICATED and what to check (${refusal?.message ?? 'it resolved'})`,
        );
        await saysWhy(registrant);
      },
      lastsMs: 2_000,
      async end() {
        stage.expect(
          reader.readings.every(({ list }) => list === undefined),
          'a reader that was never let in has no list, not an empty one',
        );
        await stage.operator('letIn')();
      },
    });
    await stage.healed(['a']);
  },
};

export const passwordChanged: Scenario = {
  name: 'password-changed',
  fault: 'the password is changed under running processes, and set back after 8 s',
  needs: ['lockOut', 'letIn'],
  bound: ['request', 'backoff', 'backoff'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('reader', {
      reads: { keeps: ['a'], during: 'cut', because: ['UNAUTHENTICATED'], cutWithinMs: untilNoticed(stage) },
    });
    await stage.settled(['a']);
    await stage.fault({
      begin: () => stage.operator('lockOut')(),
      lastsMs: 8_000,
      end: () => stage.operator('letIn')(),
    });
    await stage.healed(['a']);
  },
};

async function saysWhy(registrant: Participant): Promise<void> {
  const isRefused = () => registrant.latest?.registrationError === 'UNAUTHENTICATED' || undefined;
  await registrant.until('UNAUTHENTICATED', 30_000, isRefused);
}

/** A registry may serve those who are in already until they ask for something anew: the next relist does. */
function untilNoticed({ settings: { relistIntervalMs, allowanceMs } }: Stage): number {
  return relistIntervalMs * 1.2 + allowanceMs;
}
