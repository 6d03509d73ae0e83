import type { AdapterDefinition, Composition, RegistryAdapter } from '../adapter.ts';
import { systemClock, type Clock, type Random } from '../clock.ts';
import { selectAdapter } from './create-adapter.ts';
import type { LoadedConfig } from './load.ts';

export interface ConfiguredAdapterOptions {
  /** An adapter, or the definition of one, in place of what `registry.type` selects. */
  readonly adapter?: RegistryAdapter | AdapterDefinition;
  /** Defaults to the machine's clock. */
  readonly clock?: Clock;
  /** Defaults to `Math.random`. */
  readonly random?: Random;
  /** Tells people what the adapter saw. Defaults to `process.emitWarning`. */
  readonly warn?: (message: string) => void;
}

/**
 * Makes the adapter that a configuration selects, as `createRegistry` does: for tools that look at a registry and are no
 * part of it, such as the command line. It isn't open yet.
 *
 * @throws {RegistryError} `INVALID_CONFIG` when its package isn't installed or refuses its options.
 */
export async function configuredAdapter(
  { config, moduleFolder, sourceOf }: LoadedConfig,
  options: ConfiguredAdapterOptions = {},
): Promise<RegistryAdapter> {
  const { clock = systemClock, random = Math.random, warn = emitWarning } = options;
  const settings = { cwd: moduleFolder, sourceOf };
  const compose: Composition = {
    random,
    config,
    adapter: (type, given, at) => {
      const path = ['registry', 'options', ...at];
      return selectAdapter(type, given, { clock, warn, compose }, { ...settings, at: path });
    },
  };
  return await selectAdapter(
    options.adapter ?? config.registry.type,
    config.registry.options,
    { clock, warn, compose },
    settings,
  );
}

function emitWarning(message: string): void {
  process.emitWarning(message, 'RollcallWarning');
}
