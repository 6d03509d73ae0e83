import type { Scenario } from '../scenario.ts';

/** What an operator takes from one of two instances; the other stays, and the one comes back. */
function takesFromOne(
  power: 'endLease' | 'remove' | 'removeFromCatalog',
  { name, fault, bound }: Pick<Scenario, 'name' | 'fault' | 'bound'>,
): Scenario {
  return {
    name,
    fault,
    needs: [power],
    bound,
    async run(stage) {
      stage.join('registrant', { registers: 'a' });
      stage.join('registrant 2', { registers: 'b' });
      stage.join('reader', { reads: { keeps: ['b'], during: 'live' } });
      await stage.settled(['a', 'b']);
      await stage.fault({ begin: () => stage.operator(power)(stage.service, 'a') });
      await stage.healed(['a', 'b']);
    },
  };
}

export const leaseEnded = takesFromOne('endLease', {
  name: 'lease-ended',
  fault: 'an operator ends the lease, or session, of an instance',
  bound: ['beat', 'first backoff', 'seen'],
});

export const entryRemoved = takesFromOne('remove', {
  name: 'entry-deleted',
  fault: 'an operator deletes the entry of an instance, and nothing else',
  // The look sees what a reader sees.
  bound: ['seen', 'look', 'first backoff', 'seen'],
});

export const removedFromCatalog = takesFromOne('removeFromCatalog', {
  name: 'catalog-deleted',
  fault: 'an operator deletes the entry from what readers see; the server that keeps it has it still',
  bound: ['seen', 'look', 'first backoff', 'seen'],
});
