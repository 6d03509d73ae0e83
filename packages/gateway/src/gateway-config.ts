import {
  configuredAdapter,
  loadConfig,
  type AdapterDefinition,
  type Clock,
  type LoadedConfig,
  type RegistryAdapter,
  type RollcallConfig,
} from '@rollcall/core';
import type { GatewayOptions } from './options.ts';
import { storeDefinition } from './store/index.ts';

/** A service that nobody asked for this long is no longer followed, in milliseconds. */
const IDLE_MS = 60_000;

export interface GatewayConfig {
  readonly config: RollcallConfig;
  readonly adapter: RegistryAdapter;
}

/**
 * The configuration of the registry behind, and its adapter: the embedded store, where no type is set.
 *
 * @throws {RegistryError} `INVALID_CONFIG`
 */
export async function gatewayConfig(
  options: GatewayOptions,
  { clock, warn }: { readonly clock: Clock; readonly warn: (message: string) => void },
): Promise<GatewayConfig> {
  const { adapter } = options;
  const loaded = await (adapter ? load(options, adapter) : loadWithStore(options));
  for (const warning of loaded.warnings) warn(warning);
  const chosen = adapter ?? (isStore(loaded) ? storeDefinition : undefined);
  const made = await configuredAdapter(loaded, { ...(chosen && { adapter: chosen }), clock, warn });
  return { config: gatewayRules(loaded.config), adapter: made };
}

/** What a gateway does otherwise than a service. */
function gatewayRules(config: RollcallConfig): RollcallConfig {
  // A gateway is no instance of the service that the file may be about, and has no lists of its own on the disk.
  const { service: _service, discovery, ...rest } = config;
  const { snapshotDir: _snapshotDir, ...following } = discovery;
  return {
    ...rest,
    discovery: {
      ...following,
      idleMs: Math.min(IDLE_MS, discovery.idleMs),
      // Its readers protect themselves: what is held back twice is held back for twice as long.
      protection: false,
    },
    // Who may look where is decided for each caller.
    access: { namespaces: {}, allow: [{ from: '*', to: '*' }] },
  };
}

/** Only the gateway has this type, so that the core can't say what is wrong with its options. */
async function loadWithStore(options: GatewayOptions): Promise<LoadedConfig> {
  const loaded = await load(options, storeDefinition).catch((error: unknown) => error);
  if (loaded instanceof Error) {
    // Its variables may be those of another registry.
    const other = await load(options, undefined).catch(() => undefined);
    if (other && !isStore(other)) return other;
    throw loaded;
  }
  return isStore(loaded as LoadedConfig) ? (loaded as LoadedConfig) : await load(options, undefined);
}

function load(
  { config, cwd, file, env }: GatewayOptions,
  adapter: RegistryAdapter | AdapterDefinition | undefined,
): Promise<LoadedConfig> {
  return loadConfig({
    defaultType: storeDefinition.type,
    ...(cwd !== undefined && { cwd }),
    ...(file !== undefined && { file }),
    ...(env && { env }),
    ...(config && { overrides: config }),
    ...(adapter && 'create' in adapter && { adapter }),
  });
}

function isStore({ config }: LoadedConfig): boolean {
  return config.registry.type === storeDefinition.type;
}
