import {
  createRegistry,
  type Clock,
  type Registry,
  type RegistryAdapter,
  type RollcallConfigInput,
} from '@rollcall/core';

/** A registry with its defaults, but for what is given; nothing around the process changes it. */
export function measuredRegistry(
  adapter: RegistryAdapter,
  config: RollcallConfigInput = {},
  clock?: Clock,
): Promise<Registry> {
  return createRegistry({
    adapter,
    cwd: '/',
    env: {},
    config: { log: { level: 'silent' }, ...config },
    ...(clock && { clock }),
  });
}
