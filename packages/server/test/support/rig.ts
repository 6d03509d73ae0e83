import { onTestFinished } from 'vitest';
import {
  createRegistry,
  memoryAdapter,
  MemoryStore,
  type Registry,
  type RegistryAdapter,
  type RollcallConfigInput,
  type ServiceInstance,
} from '@rollcall/core';

/** A registry handle over a memory store of its own. */
export interface Rig {
  readonly store: MemoryStore;
  readonly registry: Registry;
  /** What is listed, seen from outside. */
  readonly listed: (service?: string) => readonly ServiceInstance[];
  /** The handle of another process. */
  readonly another: () => Promise<Registry>;
}

export interface RigOptions {
  readonly shutdown?: NonNullable<RollcallConfigInput['shutdown']>;
  readonly config?: RollcallConfigInput;
  readonly adapter?: (store: MemoryStore) => RegistryAdapter;
}

const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

export async function rig({
  shutdown = {},
  config = {},
  adapter = (store) => memoryAdapter({ store }),
}: RigOptions = {}): Promise<Rig> {
  const store = new MemoryStore();
  const make = async (made: RegistryAdapter) => {
    const registry = await createRegistry({
      adapter: made,
      env: {},
      logger: quiet,
      config: { ...config, shutdown: { propagationDelayMs: 200, signals: false, ...shutdown } },
    });
    onTestFinished(() => registry.close());
    return registry;
  };
  return {
    store,
    registry: await make(adapter(store)),
    listed: (service = 'user-service') => store.list({ namespace: 'default', service }).instances,
    another: () => make(memoryAdapter({ store })),
  };
}
