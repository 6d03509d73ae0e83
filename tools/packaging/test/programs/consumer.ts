import { describe, it } from 'node:test';
import { adapterConformance } from '@rollcall/conformance';
import {
  createRegistry,
  defineConfig,
  MemoryStore,
  memoryAdapter,
  RegistryError,
  type RegistryEvent,
  type ServiceInstance,
  type Snapshot,
} from '@rollcall/core';
import { ManualClock, seededRandom } from '@rollcall/core/testing';
import { adapter, etcdAdapter, type EtcdOptions } from '@rollcall/etcd';

const options: EtcdOptions = { endpoints: ['http://127.0.0.1:2379'], layout: 'kratos' };
const config = defineConfig({ registry: { type: adapter.type, options: { ...options } } });

// @ts-expect-error -- a misspelt key is seen by the compiler.
defineConfig({ registry: { typo: 'etcd' } });

const registry = await createRegistry({
  config,
  clock: new ManualClock(),
  random: seededRandom(1),
  onEvent: (event: RegistryEvent) => void event.type,
});
const registration = registry.register({ service: 'user-service', port: 8080, tags: ['canary'] });
await registration.listed({ timeoutMs: 1_000 });

// @ts-expect-error -- a port is a number.
registry.register({ service: 'user-service', port: '8080' });

const snapshot: Snapshot = await registry.service('user-service').load();
const first: ServiceInstance | undefined = snapshot.instances[0];
if (first === undefined) throw new RegistryError('UNAVAILABLE', 'nobody is listed');
export const address: string = `${first.host}:${first.port}`;

const store = new MemoryStore();
adapterConformance(
  {
    describe: (name, body) => void describe(name, body),
    it: (name, body, timeout) => void it(name, { timeout }, body),
    skip: () => {},
  },
  { name: 'etcd', sample: etcdAdapter(options), createAdapter: () => memoryAdapter({ store }) },
);
