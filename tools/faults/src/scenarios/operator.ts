import type { Scenario } from '../scenario.ts';

export const leaseEnded: Scenario = {
  name: 'lease-ended',
  fault: 'an operator ends the lease, or session, of an instance',
  needs: ['endLease'],
  bound: ['beat', 'first backoff', 'seen'],
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
  fault: 'an operator deletes the entry of an instance, and nothing else',
  needs: ['remove'],
  // The look sees what a reader sees.
  bound: ['seen', 'look', 'first backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('registrant 2', { registers: 'b' });
    stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
    await stage.settled(['a', 'b']);
    await stage.fault({ begin: () => stage.operator('remove')(stage.service, 'a') });
    await stage.healed(['a', 'b']);
  },
};

export const removedFromCatalog: Scenario = {
  name: 'catalog-deleted',
  fault: 'an operator deletes the entry from what readers see; the server that keeps it has it still',
  needs: ['removeFromCatalog'],
  bound: ['seen', 'look', 'first backoff', 'seen'],
  async run(stage) {
    stage.join('registrant', { registers: 'a' });
    stage.join('registrant 2', { registers: 'b' });
    stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
    await stage.settled(['a', 'b']);
    await stage.fault({ begin: () => stage.operator('removeFromCatalog')(stage.service, 'a') });
    await stage.healed(['a', 'b']);
  },
};
