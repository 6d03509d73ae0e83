import type { AdapterDefinition, RegistryAdapter } from './adapter.ts';
import { systemClock, type Clock, type Random } from './clock.ts';
import { configuredAdapter } from './config/configured-adapter.ts';
import { loadConfig, type LoadConfigOptions } from './config/load.ts';
import type { RollcallConfigInput } from './config/schema.ts';
import { Events, type EventListener } from './events.ts';
import { logEvents, stderrLogger, type Logger } from './log.ts';
import { Registry } from './registry.ts';

export interface CreateRegistryOptions extends Pick<LoadConfigOptions, 'cwd' | 'file' | 'env'> {
  /** Wins over the configuration file and the environment, key by key. */
  readonly config?: RollcallConfigInput;
  /** An adapter, or the definition of one, in place of what `registry.type` selects. */
  readonly adapter?: RegistryAdapter | AdapterDefinition;
  /** Where the log goes. Defaults to standard error. `log.level` says how much of it. */
  readonly logger?: Logger;
  /** Gets every event from the very first. */
  readonly onEvent?: EventListener;
  /** For tests. Defaults to the machine's clock. */
  readonly clock?: Clock;
  /** For tests. Defaults to `Math.random`. */
  readonly random?: Random;
}

/**
 * Reads the configuration, loads the adapter that `registry.type` names, and begins: with a `service` block this
 * process is listed as soon as it is ready, and leaves in good order on SIGTERM and SIGINT.
 *
 * It doesn't wait for the registry: a process starts while its registry is down, and catches up.
 *
 * @throws {RegistryError} `INVALID_CONFIG`, which lists every problem; nothing was written then.
 */
export async function createRegistry(options: CreateRegistryOptions = {}): Promise<Registry> {
  const { clock = systemClock, random = Math.random, logger = stderrLogger } = options;
  const { adapter, config: overrides, cwd, file, env } = options;
  const loaded = await loadConfig({
    ...(cwd !== undefined && { cwd }),
    ...(file !== undefined && { file }),
    ...(env && { env }),
    ...(overrides && { overrides }),
    ...(adapter && 'create' in adapter && { adapter }),
  });
  const { config, warnings } = loaded;
  const events = new Events();
  events.on(logEvents(logger, config.log.level));
  if (options.onEvent) events.on(options.onEvent);
  const warn = (message: string) => events.emit({ type: 'warning', message });
  for (const warning of warnings) warn(warning);
  const selected = await configuredAdapter(loaded, { ...(adapter && { adapter }), clock, random, warn });
  const registry = new Registry({ adapter: selected, config, clock, random, events });
  if (config.service && config.shutdown.signals) registry.shutdownOnSignals();
  return registry;
}
