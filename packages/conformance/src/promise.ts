import type { CarriedField } from '@rollcall/core';
import type { AdapterHarness } from './harness.ts';
import type { Setting } from './setting.ts';
import type { Trial } from './trial.ts';

/** One promise of an adapter, and the test of it. */
export interface AdapterPromise {
  readonly title: string;
  /** Each says why the promise can't be tested here, or nothing. */
  readonly needs?: readonly Need[];
  readonly test: (trial: Trial) => Promise<void>;
}

export interface PromiseGroup {
  readonly title: string;
  /** Of each of its promises, beside their own. */
  readonly needs?: readonly Need[];
  readonly promises: readonly AdapterPromise[];
}

export type Need = (setting: Setting) => string | undefined;

/** Why a promise is skipped here; `undefined` when it isn't. */
export function whySkipped(
  group: PromiseGroup,
  promise: AdapterPromise,
  setting: Setting,
): string | undefined {
  for (const need of [...(group.needs ?? []), ...(promise.needs ?? [])]) {
    const reason = need(setting);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** How entries are written has no part in it, so it is enough that one layout of an adapter shows it. */
export const firstLayout: Need = ({ harness }) =>
  harness.otherLayout ? 'it is the same with each layout' : undefined;

export const watching: Need = ({ harness }) =>
  harness.sample.watch ? undefined : 'the adapter has no watch method';

export const watchingServices: Need = ({ harness }) =>
  harness.sample.watchServices ? undefined : 'the adapter has no watchServices method';

export const overriding: Need = ({ harness }) =>
  harness.sample.override ? undefined : 'the adapter has no override method';

export const namespaces: Need = ({ capabilities }) =>
  capabilities.namespaces ? undefined : 'the registry has no namespaces';

export const anyName: Need = ({ capabilities }) =>
  capabilities.anyName ? undefined : 'the registry does not take any name';

export const aLeaseToRenew: Need = ({ capabilities }) =>
  capabilities.liveness === 'lease'
    ? undefined
    : `the registry's liveness is ${capabilities.liveness}, not lease`;

/** The default crash ends what a lease or session lives from; a registry that probes goes on probing. */
export const aCrash: Need = ({ capabilities, harness }) =>
  capabilities.liveness === 'probe' && !harness.crash ? missing('crash') : undefined;

export const aCut: Need = ({ harness }) =>
  'cutConnections' in harness || harness.outage ? undefined : missing('cutConnections');

/** The field is carried. */
export function carrying(...fields: readonly CarriedField[]): Need {
  return ({ capabilities }) =>
    fields.some((field) => capabilities.fields.includes(field))
      ? undefined
      : `the registry does not carry ${fields.join(' or ')}`;
}

/** The harness can do it. */
export function power(name: 'plant' | 'removeEntry' | 'revokeLease' | 'outage' | 'stall'): Need {
  return ({ harness }) => (harness[name] ? undefined : missing(name));
}

function missing(name: keyof AdapterHarness): string {
  return `the harness has no ${name}`;
}
