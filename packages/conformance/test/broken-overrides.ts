import {
  defineInstance,
  type InstanceKey,
  type InstanceOverride,
  type MemoryStore,
  overridden,
  RegistryError,
  type RegistryAdapter,
  type ServiceInstance,
} from '@rollcall/core';
import type { BrokenAdapter } from './broken-adapters.ts';

const V = 'an override > ';
const A = 'abort > ';

const seen = `${V}is seen by another client, and changes nothing else`;
const told = `${V}is told by a watch, which is not told that the entry left`;
const ofOne = `${V}of one field leaves the other as it is`;
const refused = `${V}of an entry that is not listed is refused, and creates nothing`;
const ends = `${V}ends when the owner registers again, unless the registry is said to keep it`;
const meanwhile = `${V}never takes back what the owner has written meanwhile`;
const outlives = `${V}leaves the beats to the owner: the entry outlives the operator`;
const dies = `${V}leaves the life to the owner: the entry is gone when that one crashes`;

/** Those that are good but for how they override. */
export const BROKEN_OVERRIDES: readonly BrokenAdapter[] = [
  {
    name: 'overrides nothing',
    breaks: seen,
    also: [ofOne, told, ends, outlives],
    spoil: () => (good) => ({
      // It looks whether the entry is there.
      override: (key, _change, options) => good.override?.(key, {}, options) ?? Promise.resolve(),
    }),
  },
  {
    name: 'overrides by writing the address alone anew',
    breaks: seen,
    also: [ofOne, meanwhile],
    spoil: (store) =>
      rewriting(async (key, change, rewrite) => {
        const { host, port } = listed(store, key);
        await rewrite(overridden(defineInstance({ ...named(key), host, port }), change));
      }),
  },
  {
    name: 'overrides the weight with 1 where the status alone is given',
    breaks: ofOne,
    spoil: () => (good) => ({
      override: (key, change, options) =>
        good.override?.(key, { weight: 1, ...change }, options) ?? Promise.resolve(),
    }),
  },
  {
    name: 'overrides by taking the entry out and putting another in',
    breaks: told,
    also: [meanwhile, outlives],
    spoil: (store) => (good) => ({
      async override(key, change, options) {
        const before = listed(store, key);
        await good.deregister(key, options);
        await new Promise((resolve) => setTimeout(resolve, 20));
        await good.register(overridden(before, change), { ...options, ttlMs: 1_000 });
      },
    }),
  },
  {
    name: 'lists what it is told to override',
    breaks: refused,
    spoil: (store) => (good) => ({
      async override(key, change, options) {
        const { instances } = store.list(key);
        if (instances.some(({ id }) => id === key.id)) return good.override?.(key, change, options);
        const made = defineInstance({ ...named(key), host: '127.0.0.1', port: 1, ...change });
        await good.register(made, { ...options, ttlMs: 60_000 });
      },
    }),
  },
  {
    name: 'takes an override of nothing for done',
    breaks: refused,
    spoil: () => (good) => ({
      async override(key, change, options) {
        await good.override?.(key, change, options).catch((error: unknown) => {
          if (!(error instanceof RegistryError && error.code === 'INVALID_ARGUMENT')) throw error;
        });
      },
    }),
  },
  {
    name: 'does not say that the id is at fault',
    breaks: refused,
    spoil: () => (good) => ({
      async override(key, change, options) {
        await good.override?.(key, change, options).catch((error: unknown) => {
          if (!(error instanceof RegistryError && error.field === 'id')) throw error;
          throw new RegistryError('UNAVAILABLE', error.message);
        });
      },
    }),
  },
  {
    name: 'keeps an override for good',
    breaks: ends,
    spoil: () => {
      const kept = new Map<string, InstanceOverride>();
      return (good) => ({
        async override(key, change, options) {
          await good.override?.(key, change, options);
          kept.set(nameOf(key), { ...kept.get(nameOf(key)), ...change });
        },
        register: (instance, options) =>
          good.register(overridden(instance, kept.get(nameOf(instance)) ?? {}), options),
      });
    },
  },
  {
    name: 'says that it keeps overrides, and doesn’t',
    breaks: ends,
    spoil: () => (good) => ({ capabilities: { ...good.capabilities, keepsOverrides: true } }),
  },
  {
    name: 'writes what it read a while ago',
    breaks: meanwhile,
    spoil: (store) =>
      rewriting(async (key, change, rewrite) => {
        const before = listed(store, key);
        await new Promise((resolve) => setTimeout(resolve, 5));
        await rewrite(overridden(before, change));
      }),
  },
  {
    name: 'overrides by registering the entry as its own, and dies',
    breaks: outlives,
    also: [meanwhile],
    spoil: (store) => (good) => ({
      async override(key, change, options) {
        await good.register(overridden(listed(store, key), change), { ...options, ttlMs: 1_000 });
      },
    }),
  },
  {
    name: 'overrides by registering the entry as its own, and lives on',
    breaks: dies,
    also: [meanwhile],
    spoil: (store) => (good) => ({
      async override(key, change, options) {
        await good.register(overridden(listed(store, key), change), { ...options, ttlMs: 600_000 });
      },
    }),
  },
  {
    name: 'does not look at the signal of an override',
    breaks: `${A}override with an aborted signal rejects and changes nothing`,
    also: [`${A}override settles when it is aborted while the registry does not answer`],
    spoil: () => (good) => ({
      override: (key, change) =>
        good.override?.(key, change, { signal: new AbortController().signal }) ?? Promise.resolve(),
    }),
  },
  {
    name: 'takes an override for done in an outage',
    breaks: 'an outage > override rejects with a RegistryError that may be tried again',
    spoil: () => (good) => ({
      async override(key, change, options) {
        await good.override?.(key, change, options).catch((error: unknown) => {
          if (!(error instanceof RegistryError && error.code === 'UNAVAILABLE')) throw error;
        });
      },
    }),
  },
  {
    name: 'overrides after close',
    breaks: 'close > a call after it rejects with a RegistryError',
    spoil: () => (good) => {
      let isClosed = false;
      return {
        async close() {
          await good.close();
          isClosed = true;
        },
        async override(key, change, options) {
          if (!isClosed) await good.override?.(key, change, options);
        },
      } satisfies Partial<RegistryAdapter>;
    },
  },
];

/** Overrides by registering as the owner, whose lease it leaves as it is. */
function rewriting(
  override: (
    key: InstanceKey,
    change: InstanceOverride,
    rewrite: (instance: ServiceInstance) => Promise<void>,
  ) => Promise<void>,
): ReturnType<BrokenAdapter['spoil']> {
  const owners = new Map<string, (instance: ServiceInstance, signal: AbortSignal) => Promise<unknown>>();
  return (good) => ({
    register(instance, { ttlMs, signal }) {
      owners.set(nameOf(instance), (next, until) => good.register(next, { ttlMs, signal: until }));
      return good.register(instance, { ttlMs, signal });
    },
    override: (key, change, { signal }) =>
      override(key, change, async (instance) => {
        await owners.get(nameOf(key))?.(instance, signal);
      }),
  });
}

function named({ namespace, service, id }: InstanceKey): InstanceKey {
  return { namespace, service, id };
}

function nameOf(key: InstanceKey): string {
  return JSON.stringify(named(key));
}

function listed(store: MemoryStore, key: InstanceKey): ServiceInstance {
  const instance = store.list(key).instances.find(({ id }) => id === key.id);
  if (!instance) throw new RegistryError('INVALID_ARGUMENT', 'is not listed', { field: 'id' });
  return instance;
}
