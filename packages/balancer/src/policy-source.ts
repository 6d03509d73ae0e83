import { invalidArgument } from '@rollcall/core';
import type { Dice } from './dice.ts';
import { LatencyAverage, type LatencyOptions } from './latency-average.ts';
import type { Policy } from './policy.ts';
import { ConsistentHash, type ConsistentHashOptions } from './policies/consistent-hash.ts';
import { LeastActive } from './policies/least-active.ts';
import { PeakEwma } from './policies/peak-ewma.ts';
import { RandomChoice } from './policies/random.ts';
import { RoundRobin } from './policies/round-robin.ts';
import { Sticky, type StickyOptions } from './policies/sticky.ts';
import { WeightedRandom } from './policies/weighted-random.ts';
import { WeightedRoundRobin } from './policies/weighted-round-robin.ts';

/** How one of several instances is chosen. */
export const POLICIES = [
  'round-robin',
  'weighted-round-robin',
  'random',
  'weighted-random',
  'least-active',
  'p2c-ewma',
  'consistent-hash',
  'sticky',
] as const;
export type PolicyName = (typeof POLICIES)[number];

/** A policy, with what there is to say of it. Its name alone takes the defaults. */
export type PolicyOptions =
  | { readonly name: Exclude<PolicyName, 'p2c-ewma' | 'consistent-hash' | 'sticky'> }
  | ({ readonly name: 'p2c-ewma' } & LatencyOptions)
  | ({ readonly name: 'consistent-hash' } & ConsistentHashOptions)
  | ({
      readonly name: 'sticky';
      /** Who picks for a new key. Defaults to `p2c-ewma`. */
      readonly first?: PolicyName | PolicyOptions;
    } & StickyOptions);

export interface PolicySource {
  /** One for each set of instances that is picked from. */
  readonly create: () => Policy;
  /** Where it goes by how long calls take. */
  readonly latency: LatencyAverage | undefined;
}

/** @throws {RegistryError} `INVALID_ARGUMENT` for a policy that there is not, or options that can't be. */
export function policySource(given: PolicyName | PolicyOptions, dice: Dice): PolicySource {
  const options = typeof given === 'string' ? ({ name: given } as PolicyOptions) : given;
  switch (options.name) {
    case 'round-robin':
      return simple(() => new RoundRobin(dice));
    case 'weighted-round-robin':
      return simple(() => new WeightedRoundRobin(dice));
    case 'random':
      return simple(() => new RandomChoice(dice));
    case 'weighted-random':
      return simple(() => new WeightedRandom(dice));
    case 'least-active':
      return simple(() => new LeastActive(dice));
    case 'p2c-ewma': {
      const latency = new LatencyAverage(options);
      return { create: () => new PeakEwma(dice, latency), latency };
    }
    case 'consistent-hash':
      return simple(() => new ConsistentHash(dice, options));
    case 'sticky': {
      const { first = 'p2c-ewma' } = options;
      const inner = policySource(first, dice);
      return { ...inner, create: () => new Sticky(inner.create(), options) };
    }
    default:
      options satisfies never;
      throw invalidArgument('policy', `must be one of ${POLICIES.join(', ')}`);
  }
}

function simple(create: () => Policy): PolicySource {
  return { create, latency: undefined };
}
