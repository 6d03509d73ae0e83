import { Registry, type LoadedConfig, type RegistryEvent } from '@rollcall/core';
import type { ParsedLine } from './command-line.ts';
import { forOnlookers, loadAdapter, loadConfiguration, timeoutOf } from './connection.ts';
import { warn } from './output.ts';

/** A handle that stays: for what follows a list, or keeps an instance listed. */
export interface Member {
  readonly registry: Registry;
  readonly loaded: LoadedConfig;
  readonly timeoutMs: number;
}

/**
 * The registry as `createRegistry` would make it, but without the `service` block: this process is no instance of it.
 *
 * @throws {RegistryError} `INVALID_CONFIG`
 */
export async function createMember(
  line: ParsedLine,
  onEvent: (event: RegistryEvent) => void,
): Promise<Member> {
  const timeoutMs = timeoutOf(line);
  const loaded = await loadConfiguration(line);
  for (const warning of loaded.warnings) warn(warning);
  const { config } = forOnlookers(loaded);
  const requestTimeoutMs = Math.min(timeoutMs, config.registry.requestTimeoutMs);
  const registry = new Registry({
    adapter: await loadAdapter(loaded),
    config: { ...config, registry: { ...config.registry, requestTimeoutMs } },
  });
  registry.on(onEvent);
  return { registry, loaded, timeoutMs };
}
