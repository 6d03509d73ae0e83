import type { RegistryType, RunningRegistry } from '../contract.ts';

/** A registry that the environment names, which is not ours to hurt. */
export function attached<Type extends RegistryType>(
  type: Type,
  endpoints: readonly string[],
): RunningRegistry & { readonly type: Type } {
  return {
    type,
    endpoints,
    nodes: [],
    source: `already running at ${endpoints.join(', ')}`,
    folder: undefined,
    restart: () => Promise.reject(notOurs('can be restarted')),
    stop: () => Promise.resolve(),
  };
}

/** For those of which one of several servers leads. */
export function attachedLeader(): Promise<never> {
  return Promise.reject(notOurs('has a leader to point at'));
}

function notOurs(what: string): Error {
  return new Error(`only a registry that was started here ${what}: ask for one with \`own: true\``);
}
