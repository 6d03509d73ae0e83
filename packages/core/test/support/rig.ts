import {
  MemoryStore,
  memoryAdapter,
  Registry,
  type RegistryAdapter,
  type RegistryEvent,
  type RollcallConfig,
  type RollcallConfigInput,
} from '@rollcall/core';
import { ManualClock, seededRandom } from '@rollcall/core/testing';
import { configSchema } from '../../src/config/schema.ts';
import { Events } from '../../src/events.ts';

/** A registry handle over a memory store, on a clock that the test moves. */
export interface Rig {
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly events: readonly RegistryEvent[];
  /** Further handles on the same store, as other processes have. */
  another(config?: RollcallConfigInput, adapter?: RegistryAdapter): Registry;
}

export interface RigOptions {
  readonly config?: RollcallConfigInput;
  readonly seed?: number;
  readonly adapter?: (store: MemoryStore) => RegistryAdapter;
}

export function testConfig(config: RollcallConfigInput = {}): RollcallConfig {
  return configSchema.parse({ ...config, registry: { type: 'memory', ...config.registry } });
}

export function rig({
  config,
  seed = 1,
  adapter = (store) => memoryAdapter({ store }),
}: RigOptions = {}): Rig {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  const random = seededRandom(seed);
  const seen: RegistryEvent[] = [];
  const make = (handleConfig = config, made = adapter(store), events = new Events()) =>
    new Registry({ adapter: made, config: testConfig(handleConfig), clock, random, events });
  const events = new Events();
  events.on((event) => seen.push(event));
  return {
    clock,
    store,
    registry: make(config, adapter(store), events),
    events: seen,
    another: (handleConfig, made) => make(handleConfig, made),
  };
}

/** What the registry itself lists, seen from outside all handles. */
export function listedIn(store: MemoryStore, service: string, namespace = 'default') {
  return store.list({ namespace, service }).instances;
}

/** The events of one type. */
export function ofType<T extends RegistryEvent['type']>(events: readonly RegistryEvent[], type: T) {
  return events.filter((event): event is Extract<RegistryEvent, { type: T }> => event.type === type);
}
