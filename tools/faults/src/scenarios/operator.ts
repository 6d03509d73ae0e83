import type { Scenario } from '../scenario.ts';

export const leaseEnded: Scenario = {
  name: 'lease-revoked',
  fault: 'an operator revokes the lease of an instance',
  needs: ['endLease'],
  bound: ['beat', 'first backoff'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('registrant 2', { registers: 'b' });
    stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
    await stage.settled(['a', 'b']);
    await stage.fault({ begin: () => stage.operator('endLease')(stage.service, 'a') });
    await stage.healed(['a', 'b']);
  },
};

export const entryRemoved: Scenario = {
  name: 'entry-deleted',
  fault: 'an operator deletes the entry of an instance; its lease lives on',
  needs: ['remove'],
  bound: ['look', 'first backoff'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('registrant 2', { registers: 'b' });
    stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
    await stage.settled(['a', 'b']);
    await stage.fault({ begin: () => stage.operator('remove')(stage.service, 'a') });
    await stage.healed(['a', 'b']);
  },
};
