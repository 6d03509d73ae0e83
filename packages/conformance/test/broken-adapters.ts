import { createSocket } from 'node:dgram';
import { posix } from 'node:path';
import {
  defineInstance,
  RegistryError,
  type Lease,
  type MemoryStore,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type WatchEvent,
} from '@rollcall/core';
import { BROKEN_OVERRIDES } from './broken-overrides.ts';

/** An adapter that is good but for one thing. */
export interface BrokenAdapter {
  /** What it does wrong. */
  readonly name: string;
  /** The promise that it breaks, as `group > promise`: the kit must find it. */
  readonly breaks: string;
  /** Promises that can't be kept either when that one is broken. The kit may find these, and no other. */
  readonly also?: readonly string[];
  /** Called once per registry; what it returns is called once per client, with a good adapter to spoil. */
  spoil(store: MemoryStore): (good: RegistryAdapter) => Partial<RegistryAdapter>;
}

/** Most need nothing but the good adapter. */
function each(methods: (good: RegistryAdapter) => Partial<RegistryAdapter>): BrokenAdapter['spoil'] {
  return () => methods;
}

const R = 'register and deregister > ';
const U = 'an update in place > ';
const L = 'proof of life > ';
const D = 'discover and listServices > ';
const N = 'names and metadata > ';
const W = 'watch > ';
const A = 'abort > ';
const O = 'an outage > ';
const C = 'close > ';

export const BROKEN_ADAPTERS: readonly BrokenAdapter[] = [
  {
    name: 'has other capabilities when it is open than as a sample',
    breaks: 'what it says of itself > a client has the capabilities and methods of the sample',
    spoil: () => {
      let made = 0;
      return (good) => ({ capabilities: { ...good.capabilities, crashSlackMs: 50 + made++ } });
    },
  },
  {
    name: 'states a propagation time of NaN',
    breaks: 'what it says of itself > the capabilities make sense',
    spoil: each((good) => ({ capabilities: { ...good.capabilities, propagationMs: Number.NaN } })),
  },
  {
    name: 'writes an entry five seconds after register resolved',
    breaks: `${R}register is seen by another client within the propagation time`,
    also: [
      `${R}deregister takes out the entry of that id alone`,
      `${R}deregister takes the entry out at once, and no beat of a sibling brings it back`,
      `${R}every carried field comes back as it was written`,
      `${R}register after deregister lists it again`,
      `${R}register twice gives one entry`,
      `${R}two instances of one process are both listed, and one can leave`,
      `${R}two processes of one service are both listed, and one can leave`,
      `${R}two services of one process do not disturb each other`,
    ],
    spoil: each((good) => ({
      async register(instance, options) {
        // The lease is real, the entry isn't there yet.
        const { id, ...rest } = instance;
        const lease = await good.register(defineInstance({ ...rest, service: 'staging', id }), options);
        setTimeout(() => void good.register(instance, options).catch(() => {}), 5_000).unref();
        return lease;
      },
    })),
  },
  {
    name: 'loses the zone',
    breaks: `${R}every carried field comes back as it was written`,
    spoil: each((good) => ({
      register: (instance, options) => good.register(without(instance, 'zone'), options),
    })),
  },
  {
    name: 'takes weight 0 for no weight',
    breaks: `${R}every carried field comes back as it was written`,
    spoil: each((good) => ({
      register: (instance, options) =>
        good.register(defineInstance({ ...instance, weight: instance.weight || 1 }), options),
    })),
  },
  {
    name: 'lists what is registered twice twice',
    breaks: `${R}register twice gives one entry`,
    also: [`${R}register after deregister lists it again`],
    spoil: () => {
      const seen = new Set<string>();
      return (good) => ({
        async register(instance, options) {
          const name = JSON.stringify(instance);
          const twice = seen.has(name);
          seen.add(name);
          const lease = await good.register(instance, options);
          if (twice) await good.register(defineInstance({ ...instance, id: `${instance.id}-2` }), options);
          return lease;
        },
      });
    },
  },
  {
    name: 'keeps one service a process: the next one replaces it',
    breaks: `${R}two services of one process do not disturb each other`,
    also: [`${R}deregister takes the entry out at once, and no beat of a sibling brings it back`],
    spoil: each((good) => {
      const mine = new Map<string, ServiceInstance>();
      return {
        async register(instance, options) {
          for (const [name, other] of mine) {
            if (other.service === instance.service) continue;
            mine.delete(name);
            await good.deregister(other, options);
          }
          mine.set(JSON.stringify([instance.service, instance.id]), instance);
          return good.register(instance, options);
        },
      };
    }),
  },
  {
    name: 'keeps one instance a process and service: the next one replaces it',
    breaks: `${R}two instances of one process are both listed, and one can leave`,
    also: [
      `${R}deregister takes out the entry of that id alone`,
      `${R}deregister takes the entry out at once, and no beat of a sibling brings it back`,
      `${R}every carried field comes back as it was written`,
    ],
    spoil: each((good) => {
      const mine = new Map<string, ServiceInstance>();
      return {
        async register(instance, options) {
          const other = mine.get(instance.service);
          if (other && other.id !== instance.id) await good.deregister(other, options);
          mine.set(instance.service, instance);
          return good.register(instance, options);
        },
      };
    }),
  },
  {
    name: 'takes out every instance of the service at deregister',
    breaks: `${R}two processes of one service are both listed, and one can leave`,
    also: [
      `${R}deregister takes out the entry of that id alone`,
      `${R}deregister takes the entry out at once, and no beat of a sibling brings it back`,
      `${R}two instances of one process are both listed, and one can leave`,
    ],
    spoil: (store) => (good) => ({
      async deregister(key, options) {
        await good.deregister(key, options);
        for (const { id } of store.list(key).instances) await good.deregister({ ...key, id }, options);
      },
    }),
  },
  {
    name: 'takes out every id that begins with that one',
    breaks: `${R}deregister takes out the entry of that id alone`,
    also: [`${R}the granted TTL is within the stated range`],
    spoil: (store) => (good) => ({
      async deregister(key, options) {
        await good.deregister(key, options);
        for (const { id } of store.list(key).instances) {
          if (id.startsWith(key.id)) await good.deregister({ ...key, id }, options);
        }
      },
    }),
  },
  {
    name: 'brings back with each beat what was deregistered',
    breaks: `${R}deregister takes the entry out at once, and no beat of a sibling brings it back`,
    spoil: each((good) => {
      const mine = new Map<string, ServiceInstance>();
      return {
        async register(instance, options) {
          mine.set(JSON.stringify([instance.service, instance.id]), instance);
          const lease = await good.register(instance, options);
          return renewing(lease, async (renewal) => {
            await lease.renew?.(renewal);
            for (const other of mine.values()) {
              await good.register(other, { ...renewal, ttlMs: lease.ttlMs });
            }
          });
        },
      };
    }),
  },
  {
    name: 'rejects a deregister of what is not there',
    breaks: `${R}deregister of an entry that is not there resolves`,
    spoil: (store) => (good) => ({
      async deregister(key, options) {
        const { instances } = store.list(key);
        await good.deregister(key, options);
        if (!instances.some(({ id }) => id === key.id)) throw new RegistryError('PROTOCOL', 'no such entry');
      },
    }),
  },
  {
    name: 'never lists an id again that was deregistered',
    breaks: `${R}register after deregister lists it again`,
    spoil: () => {
      const gone = new Set<string>();
      return (good) => ({
        async register(instance, options) {
          const lease = await good.register(instance, options);
          if (gone.has(JSON.stringify([instance.service, instance.id])))
            await good.deregister(instance, options);
          return lease;
        },
        async deregister(key, options) {
          gone.add(JSON.stringify([key.service, key.id]));
          await good.deregister(key, options);
        },
      });
    },
  },
  {
    name: 'grants a TTL out of its own range',
    breaks: `${R}the granted TTL is within the stated range`,
    spoil: each((good) => ({
      capabilities: { ...good.capabilities, ttlRangeMs: { min: 100, max: 120_000 } },
    })),
  },
  {
    name: 'updates by taking the old entry out first',
    breaks: `${U}no reader sees a gap or half of an update`,
    also: [`${U}no watcher is told that the entry left`],
    spoil: each((good) => ({
      async register(instance, options) {
        await good.deregister(instance, options);
        await new Promise((resolve) => setImmediate(resolve));
        return good.register(instance, options);
      },
    })),
  },
  {
    name: 'updates the metadata and forgets the rest',
    breaks: `${U}no reader sees a gap or half of an update`,
    also: [`${U}no watcher is told that the entry left`, `${U}the new state replaces all of the old one`],
    spoil: (store) => (good) => ({
      async register(instance, options) {
        const old = store.list(instance).instances.find(({ id }) => id === instance.id);
        if (!old) return good.register(instance, options);
        const { metadata } = instance;
        return good.register(
          defineInstance({ ...without(old, 'metadata'), ...(metadata && { metadata }) }),
          options,
        );
      },
    }),
  },
  {
    name: 'merges the new metadata into the old',
    breaks: `${U}the new state replaces all of the old one`,
    spoil: (store) => (good) => ({
      register(instance, options) {
        const old = store.list(instance).instances.find(({ id }) => id === instance.id);
        const metadata = { ...old?.metadata, ...instance.metadata };
        return good.register(defineInstance({ ...instance, metadata }), options);
      },
    }),
  },
  {
    name: 'beats by itself, and goes on after its process died',
    breaks: `${L}a crashed process is gone within its TTL and the stated slack, its sibling stays`,
    also: [`${L}a watcher is told of a crash within the TTL and the stated slack`],
    spoil: each((good) => ({
      async register(instance, options) {
        const lease = await good.register(instance, options);
        const beat = () => void lease.renew?.({ signal: unheard() }).catch(() => {});
        setInterval(beat, 50).unref();
        return lease;
      },
    })),
  },
  {
    name: 'takes every instance of a service out when one process dies',
    breaks: `${L}a crashed process is gone within its TTL and the stated slack, its sibling stays`,
    spoil: (store) => (good) => {
      const mine: ServiceInstance[] = [];
      return {
        register(instance, options) {
          mine.push(instance);
          return good.register(instance, options);
        },
        async close() {
          await good.close();
          for (const key of mine) for (const other of store.list(key).instances) store.remove(other);
        },
      };
    },
  },
  {
    name: 'sends no beat',
    breaks: `${L}a process that beats stays listed past two TTLs`,
    also: [
      `${L}a crashed process is gone within its TTL and the stated slack, its sibling stays`,
      `${L}the loss of a lease is told`,
    ],
    spoil: each((good) => ({
      register: async (instance, options) => renewing(await good.register(instance, options), async () => {}),
    })),
  },
  {
    name: 'has leases without renew',
    breaks: `${L}a lease that wants beats has a renew method, and it resolves`,
    also: [
      `${L}a crashed process is gone within its TTL and the stated slack, its sibling stays`,
      `${L}a process that beats stays listed past two TTLs`,
      `${L}the loss of a lease is told`,
    ],
    spoil: each((good) => ({
      async register(instance, options) {
        const { ttlMs } = await good.register(instance, options);
        return { ttlMs };
      },
    })),
  },
  {
    name: 'takes a beat for good that the registry refused',
    breaks: `${L}the loss of a lease is told`,
    spoil: each((good) => ({
      async register(instance, options) {
        const lease = await good.register(instance, options);
        return renewing(lease, async (renewal) => {
          await lease.renew?.(renewal).catch(() => {});
        });
      },
    })),
  },
  {
    name: 'hands out its first lease for ever',
    breaks: `${L}register after the loss of a lease gets a new one and lists the instance`,
    spoil: each((good) => {
      let first: Lease | undefined;
      return {
        register: async (instance, options) => {
          const lease = await good.register(instance, options);
          return (first ??= lease);
        },
      };
    }),
  },
  {
    name: 'does not write what it wrote before',
    breaks: `${L}register lists an entry again that an operator removed`,
    also: [`${L}register after the loss of a lease gets a new one and lists the instance`],
    spoil: each((good) => {
      const written = new Map<string, { text: string; lease: Lease }>();
      return {
        async register(instance, options) {
          const name = JSON.stringify([instance.service, instance.id]);
          const text = JSON.stringify(instance);
          const before = written.get(name);
          if (before?.text === text) return before.lease;
          const lease = await good.register(instance, options);
          written.set(name, { text, lease });
          return lease;
        },
        async deregister(key, options) {
          written.delete(JSON.stringify([key.service, key.id]));
          await good.deregister(key, options);
        },
      };
    }),
  },
  {
    name: 'rejects when a service is not there',
    breaks: `${D}a service that nobody registered is an empty list`,
    also: [
      `${D}listServices lists each service that has an entry once, and no other`,
      `${D}the same service in two namespaces is two services`,
    ],
    spoil: each((good) => ({
      async discover(key, options) {
        const list = await good.discover(key, options);
        if (list.instances.length + list.skipped.length === 0)
          throw new RegistryError('PROTOCOL', 'no such service');
        return list;
      },
    })),
  },
  {
    name: 'reads by prefix without its end',
    breaks: `${D}a service whose name begins with that of another is apart`,
    spoil: (store) => (good) => ({
      async discover(key, options) {
        const list = await good.discover(key, options);
        const others = store
          .names(key.namespace)
          .filter((name) => name !== key.service && name.startsWith(key.service));
        const more = others.flatMap((service) => store.list({ ...key, service }).instances);
        return { ...list, instances: [...list.instances, ...more] };
      },
    }),
  },
  {
    name: 'reads every namespace',
    breaks: `${D}the same service in two namespaces is two services`,
    also: [`${D}listServices of two namespaces are apart`],
    spoil: each((good) => movedTo(good, (key) => ({ ...key, namespace: 'default' }))),
  },
  {
    name: 'fails a list that has an unreadable entry',
    breaks: `${D}an entry that cannot be read is skipped and reported, the others are listed`,
    spoil: each((good) => ({
      async discover(key, options) {
        const list = await good.discover(key, options);
        if (list.skipped.length > 0) throw new RegistryError('PROTOCOL', 'is not an instance');
        return list;
      },
    })),
  },
  {
    name: 'skips an unreadable entry without a word',
    breaks: `${D}an entry that cannot be read is skipped and reported, the others are listed`,
    spoil: each((good) => ({
      discover: async (key, options) => ({ ...(await good.discover(key, options)), skipped: [] }),
    })),
  },
  {
    name: 'reads one page of 500 entries',
    breaks: `${D}a service of 1 000 instances is listed whole`,
    spoil: each((good) => ({
      async discover(key, options) {
        const list = await good.discover(key, options);
        return { ...list, instances: list.instances.slice(0, 500) };
      },
    })),
  },
  {
    name: 'hands out copies that anybody can change',
    breaks: `${D}what is handed out is frozen`,
    spoil: each((good) => ({
      async discover(key, options) {
        const list = await good.discover(key, options);
        return { ...list, instances: structuredClone(list.instances) };
      },
    })),
  },
  {
    name: 'lists services that have no entry any more',
    breaks: `${D}listServices lists each service that has an entry once, and no other`,
    spoil: () => {
      const known = new Map<string, Set<string>>();
      return (good) => ({
        async register(instance, options) {
          const names = known.get(instance.namespace) ?? new Set();
          known.set(instance.namespace, names.add(instance.service));
          return good.register(instance, options);
        },
        async listServices(namespace, options) {
          await good.listServices(namespace, options);
          return [...(known.get(namespace) ?? [])];
        },
      });
    },
  },
  {
    name: 'lists the services of namespaces whose name begins the same',
    breaks: `${D}listServices of two namespaces are apart`,
    spoil: each((good) => ({
      async listServices(namespace, options) {
        const [names, beside] = await Promise.all(
          [namespace, `${namespace}-2`].map((name) => good.listServices(name, options)),
        );
        return [...(names ?? []), ...(beside ?? [])];
      },
    })),
  },
  {
    name: 'tells the services that come, and never those that go',
    breaks: `${D}watchServices begins with the full list and tells each service that comes or goes`,
    spoil: each((good) => ({
      async *watchServices(namespace, { signal }) {
        const known = new Set<string>();
        for await (const names of namesOf(good, namespace, signal)) {
          for (const name of names) known.add(name);
          yield [...known];
        }
      },
    })),
  },
  {
    name: 'writes ids in lower case',
    breaks: `${N}an awkward id comes back as it was written`,
    also: [`${N}a name that tries to climb appears nowhere else`],
    spoil: each((good) => movedTo(good, (key) => ({ ...key, id: key.id.toLowerCase() }))),
  },
  {
    name: 'trims service names',
    breaks: `${N}an awkward service name is a service of its own`,
    spoil: each((good) => movedTo(good, (key) => ({ ...key, service: key.service.trim() || key.service }))),
  },
  {
    name: 'decodes a namespace once too often',
    breaks: `${N}an awkward namespace is a namespace of its own`,
    spoil: each((good) => movedTo(good, (key) => ({ ...key, namespace: decoded(key.namespace) }))),
  },
  {
    name: 'takes names for paths, so that one climbs into another service',
    breaks: `${N}a name that tries to climb appears nowhere else`,
    also: [
      `${N}an awkward id comes back as it was written`,
      `${N}an awkward namespace is a namespace of its own`,
      `${N}an awkward service name is a service of its own`,
    ],
    spoil: each((good) =>
      movedTo(good, (key) => {
        const [namespace = key.namespace, service = key.service, ...id] = posix
          .join('/', encodeURIComponent(key.namespace), key.service, key.id)
          .split('/')
          .slice(1);
        return {
          namespace: decodeURIComponent(namespace) || 'default',
          service: service || '.',
          id: id.join('/') || '.',
        };
      }),
    ),
  },
  {
    name: 'drops metadata with an empty value',
    breaks: `${N}awkward metadata comes back as it was written`,
    spoil: each((good) => ({
      register: (instance, options) =>
        good.register(
          withMetadata(instance, (pairs) => pairs.filter(([, value]) => value !== '')),
          options,
        ),
    })),
  },
  {
    name: 'copies metadata key by key, so that __proto__ is lost',
    breaks: `${N}awkward metadata comes back as it was written`,
    spoil: each((good) => ({
      register: (instance, options) =>
        good.register(
          withMetadata(instance, (pairs) => pairs.filter(([key]) => key !== '__proto__')),
          options,
        ),
    })),
  },
  {
    name: 'cuts metadata values at 1 024 characters',
    breaks: `${N}a metadata value of 4 KB, or as long as is stated, comes back as it was written`,
    spoil: each((good) => ({
      register: (instance, options) =>
        good.register(
          withMetadata(instance, (pairs) => pairs.map(([key, value]) => [key, value.slice(0, 1_024)])),
          options,
        ),
    })),
  },
  {
    name: 'begins a watch with a delta',
    breaks: `${W}the first item is a full list`,
    also: [
      `${W}a watch that is called again begins with what the last one missed`,
      `${W}nothing is lost when every connection is cut`,
      `${W}the first item comes also for a service that nobody registered`,
    ],
    spoil: each((good) => ({
      watch: (key, { signal }) =>
        mapped(watchOf(good, key, signal), (event) =>
          event.kind === 'list'
            ? { kind: 'delta', put: event.instances, removed: [], skipped: event.skipped }
            : event,
        ),
    })),
  },
  {
    name: 'says nothing of a service until somebody registers',
    breaks: `${W}the first item comes also for a service that nobody registered`,
    also: [
      `${W}a change is told within the propagation time`,
      `${W}a delta never names an id as put and removed`,
      `${W}each change that is waited for is told`,
      `${W}every change is told, in order`,
      `${W}leaving the loop ends the watch`,
      `${W}nothing is lost when every connection is cut`,
      `${W}two watches of one client do not disturb each other`,
    ],
    spoil: each((good) => ({
      watch: (key, { signal }) =>
        mapped(watchOf(good, key, signal), (event) =>
          event.kind === 'list' && event.instances.length === 0 ? undefined : event,
        ),
    })),
  },
  {
    name: 'watches by looking every three seconds',
    breaks: `${W}a change is told within the propagation time`,
    also: [
      `${W}a delta never names an id as put and removed`,
      `${W}an entry removed and added again between two looks is listed`,
      `${W}an entry that cannot be read is reported, and the watch goes on`,
      `${W}each change that is waited for is told`,
      `${W}every change is told, in order`,
      `${W}nothing is lost when every connection is cut`,
      `${W}two watches of one client do not disturb each other`,
    ],
    spoil: each((good) => ({
      async *watch(key, { signal }) {
        for (;;) {
          yield { kind: 'list', ...(await good.discover(key, { signal })) };
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, 3_000);
            signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
          });
        }
      },
    })),
  },
  {
    name: 'loses each seventh event of a watch',
    breaks: `${W}each change that is waited for is told`,
    also: [
      `${W}a change is told within the propagation time`,
      `${W}a delta never names an id as put and removed`,
      `${W}every change is told, in order`,
      `${W}nothing is lost when every connection is cut`,
    ],
    spoil: each((good) => ({
      watch(key, { signal }) {
        let n = 0;
        return mapped(watchOf(good, key, signal), (event) => (++n % 7 === 0 ? undefined : event));
      },
    })),
  },
  {
    name: 'tells the last change of an instance again, after the next one',
    breaks: `${W}every change is told, in order`,
    spoil: each((good) => ({
      async *watch(key, { signal }) {
        const told = new Map<string, ServiceInstance>();
        for await (const event of watchOf(good, key, signal)) {
          yield event;
          if (event.kind === 'list') continue;
          for (const instance of event.put) {
            const old = told.get(instance.id);
            told.set(instance.id, instance);
            if (!old) continue;
            for (const put of [[old], [instance]]) yield { kind: 'delta', put, removed: [], skipped: [] };
          }
        }
      },
    })),
  },
  {
    name: 'goes on by itself after a cut, from the change after it',
    breaks: `${W}nothing is lost when every connection is cut`,
    spoil: each((good) => ({
      async *watch(key, { signal }) {
        for (let resumed = false; ; resumed = true) {
          try {
            for await (const event of watchOf(good, key, signal)) {
              if (resumed && event.kind === 'list') continue;
              yield event;
            }
          } catch (error) {
            if (!resumed && !isUnavailable(error)) throw error;
            if (signal.aborted || !isUnavailable(error)) throw error;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }
      },
    })),
  },
  {
    name: 'tells a removal after the addition that followed it',
    breaks: `${W}an entry removed and added again between two looks is listed`,
    also: [
      `${W}a delta never names an id as put and removed`,
      `${W}every change is told, in order`,
      `${W}nothing is lost when every connection is cut`,
    ],
    spoil: () => {
      const gone = new Set<string>();
      return (good) => ({
        async deregister(key, options) {
          gone.add(key.id);
          await good.deregister(key, options);
        },
        async *watch(key, { signal }) {
          for await (const event of watchOf(good, key, signal)) {
            yield event;
            if (event.kind === 'list') continue;
            const late = event.put.map(({ id }) => id).filter((id) => gone.delete(id));
            if (late.length > 0) yield { kind: 'delta', put: [], removed: late, skipped: [] };
          }
        },
      });
    },
  },
  {
    name: 'ends its watch at an unreadable entry',
    breaks: `${W}an entry that cannot be read is reported, and the watch goes on`,
    spoil: each((good) => ({
      watch: (key, { signal }) =>
        mapped(watchOf(good, key, signal), (event) => {
          if (event.skipped.length > 0) throw new RegistryError('PROTOCOL', 'is not an instance');
          return event;
        }),
    })),
  },
  {
    name: 'has one watch a service: the next one ends it',
    breaks: `${W}two watches of one client do not disturb each other`,
    spoil: each((good) => {
      const running = new Map<string, AbortController>();
      return {
        watch(key, { signal }) {
          running.get(key.service)?.abort();
          const mine = new AbortController();
          running.set(key.service, mine);
          return watchOf(good, key, AbortSignal.any([signal, mine.signal]));
        },
      };
    }),
  },
  {
    name: 'does not look at an aborted signal',
    breaks: `${A}register with an aborted signal rejects and changes nothing`,
    also: [`${A}register settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({
      register: (instance, { ttlMs }) => good.register(instance, { ttlMs, signal: unheard() }),
    })),
  },
  {
    name: 'does not look at the signal of deregister',
    breaks: `${A}deregister with an aborted signal rejects and changes nothing`,
    also: [`${A}deregister settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({ deregister: (key) => good.deregister(key, { signal: unheard() }) })),
  },
  {
    name: 'does not look at the signal of discover',
    breaks: `${A}discover with an aborted signal rejects and changes nothing`,
    also: [`${A}discover settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({ discover: (key) => good.discover(key, { signal: unheard() }) })),
  },
  {
    name: 'does not look at the signal of listServices',
    breaks: `${A}listServices with an aborted signal rejects and changes nothing`,
    also: [`${A}listServices settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({
      listServices: (namespace) => good.listServices(namespace, { signal: unheard() }),
    })),
  },
  {
    name: 'does not look at the signal of a beat',
    breaks: `${A}renew with an aborted signal rejects and changes nothing`,
    also: [`${A}renew settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({
      async register(instance, options) {
        const lease = await good.register(instance, options);
        return renewing(lease, async () => lease.renew?.({ signal: unheard() }));
      },
    })),
  },
  {
    name: 'does not look at the signal of open',
    breaks: `${A}open that waits for a registry that does not answer settles when it is aborted`,
    spoil: each((good) => ({ open: () => good.open(unheard()) })),
  },
  {
    name: 'goes on watching services after the abort',
    breaks: `${A}watchServices ends when it is aborted while it waits`,
    also: [
      `${A}watchServices with an aborted signal ends at once`,
      `${A}watchServices settles when it is aborted while the registry does not answer`,
    ],
    spoil: each((good) => ({ watchServices: (namespace) => namesOf(good, namespace, unheard()) })),
  },
  {
    name: 'hangs when it is aborted under way',
    breaks: `${A}discover settles when it is aborted under way`,
    also: [`${A}discover settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({
      async discover(key, { signal }) {
        if (signal.aborted) throw new RegistryError('ABORTED', 'the call was aborted');
        const list = await good.discover(key, { signal: unheard() });
        return signal.aborted ? new Promise(() => {}) : list;
      },
    })),
  },
  {
    name: 'waits for an answer whatever its signal says',
    breaks: `${A}discover settles when it is aborted while the registry does not answer`,
    spoil: each((good) => ({
      async discover(key, { signal }) {
        if (signal.aborted) throw new RegistryError('ABORTED', 'the call was aborted');
        return good.discover(key, { signal: unheard() });
      },
    })),
  },
  {
    name: 'goes on watching after the abort',
    breaks: `${A}watch ends when it is aborted while it waits`,
    also: [`${A}watch settles when it is aborted while the registry does not answer`],
    spoil: each((good) => ({
      watch(key, { signal }) {
        const deaf = signal.aborted ? signal : unheard();
        return watchOf(good, key, deaf);
      },
    })),
  },
  {
    name: 'takes an outage for an empty list',
    breaks: `${O}discover rejects with a RegistryError that may be tried again`,
    also: [`${O}the same client serves again after it`],
    spoil: each((good) => ({
      async discover(key, options) {
        try {
          return await good.discover(key, options);
        } catch (error) {
          if (isUnavailable(error)) return { instances: [], skipped: [] };
          throw error;
        }
      },
    })),
  },
  {
    name: 'watches an empty list in an outage',
    breaks: `${O}watch throws a RegistryError and never tells an empty list`,
    also: [`${O}a watch that was running never tells an empty list, and the list is whole after it`],
    spoil: each((good) => ({
      async *watch(key, { signal }) {
        try {
          yield* watchOf(good, key, signal);
        } catch (error) {
          if (isUnavailable(error)) yield { kind: 'list', instances: [], skipped: [] };
          throw error;
        }
      },
    })),
  },
  {
    name: 'throws what its client library throws',
    breaks: `${O}register rejects with a RegistryError that may be tried again`,
    spoil: each((good) => ({
      async register(instance, options) {
        try {
          return await good.register(instance, options);
        } catch (error) {
          throw isUnavailable(error) ? new Error('14 UNAVAILABLE: connect ECONNREFUSED') : error;
        }
      },
    })),
  },
  {
    name: 'takes a deregister for done in an outage',
    breaks: `${O}deregister rejects with a RegistryError that may be tried again`,
    spoil: each((good) => ({
      async deregister(key, options) {
        await good.deregister(key, options).catch((error: unknown) => {
          if (!isUnavailable(error)) throw error;
        });
      },
    })),
  },
  {
    name: 'lists no services in an outage',
    breaks: `${O}listServices rejects with a RegistryError that may be tried again`,
    spoil: each((good) => ({
      listServices: (namespace, options) =>
        good.listServices(namespace, options).catch((error: unknown) => {
          if (isUnavailable(error)) return [];
          throw error;
        }),
    })),
  },
  {
    name: 'can be opened once only',
    breaks: `${O}open either rejects with a RegistryError or leaves it to the first call, and can be called again`,
    spoil: each((good) => {
      let opened: Promise<void> | undefined;
      return { open: (signal) => (opened ??= good.open(signal)) };
    }),
  },
  {
    name: 'asks the registry at close',
    breaks: `${O}close resolves in it`,
    spoil: (store) => (good) => ({
      async close() {
        await good.close();
        store.names('default');
      },
    }),
  },
  {
    name: 'does not come back after an outage',
    breaks: `${O}the same client serves again after it`,
    spoil: each((good) => {
      let dead = false;
      return {
        async discover(key, options) {
          if (dead) throw new RegistryError('UNAVAILABLE', 'the connection is gone');
          try {
            return await good.discover(key, options);
          } catch (error) {
            dead = isUnavailable(error);
            throw error;
          }
        },
      };
    }),
  },
  {
    name: 'throws at the second close',
    breaks: `${C}it can be called twice, and before open`,
    spoil: each((good) => {
      let closed = false;
      return {
        async close() {
          if (closed) throw new RegistryError('CLOSED', 'it is closed already');
          closed = true;
          await good.close();
        },
      };
    }),
  },
  {
    name: 'serves on after close',
    breaks: `${C}a call after it rejects with a RegistryError`,
    also: [`${C}it ends a watch that waits`],
    spoil: each(() => ({ async close() {} })),
  },
  {
    name: 'leaves a watch waiting at close',
    breaks: `${C}it ends a watch that waits`,
    spoil: each((good) => ({
      async *watch(key, { signal }) {
        try {
          yield* watchOf(good, key, signal);
        } catch (error) {
          if (signal.aborted || isUnavailable(error)) throw error;
          await new Promise(() => {});
        }
      },
    })),
  },
  {
    name: 'leaves a timer running at close',
    breaks: `${C}it leaves nothing running`,
    spoil: each((good) => ({
      async register(instance, options) {
        setTimeout(() => {}, 20_000);
        return good.register(instance, options);
      },
    })),
  },
  {
    name: 'leaves a socket open at close',
    breaks: `${C}it leaves nothing running`,
    spoil: each((good) => ({
      async open(signal) {
        await good.open(signal);
        // Nobody sends anything to it, so it is open until the process ends.
        const socket = createSocket('udp4');
        await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      },
    })),
  },
  ...BROKEN_OVERRIDES,
];

function watchOf(good: RegistryAdapter, key: ServiceKey, signal: AbortSignal): AsyncIterable<WatchEvent> {
  if (!good.watch) throw new TypeError('the good adapter must be able to watch');
  return good.watch(key, { signal });
}

function namesOf(
  good: RegistryAdapter,
  namespace: string,
  signal: AbortSignal,
): AsyncIterable<readonly string[]> {
  if (!good.watchServices) throw new TypeError('the good adapter must be able to watch services');
  return good.watchServices(namespace, { signal });
}

/** Each item as `change` makes it; left out where it gives `undefined`. */
async function* mapped(
  events: AsyncIterable<WatchEvent>,
  change: (event: WatchEvent) => WatchEvent | undefined,
): AsyncGenerator<WatchEvent, void> {
  for await (const event of events) {
    const changed = change(event);
    if (changed) yield changed;
  }
}

/** Registers and reads under another key than was asked for, and says so in what it hands out. */
function movedTo(
  good: RegistryAdapter,
  move: (key: { namespace: string; service: string; id: string }) => {
    namespace: string;
    service: string;
    id: string;
  },
): Partial<RegistryAdapter> {
  const bare = (key: ServiceKey) => {
    const { namespace, service } = move({ ...key, id: 'x' });
    return { namespace, service };
  };
  return {
    register: (instance, options) =>
      good.register(defineInstance({ ...instance, ...move(instance) }), options),
    deregister: ({ namespace, service, id }, options) =>
      good.deregister(move({ namespace, service, id }), options),
    discover: async (key, options) => {
      const list = await good.discover(bare(key), options);
      return { ...list, instances: list.instances.map((instance) => renamed(instance, key)) };
    },
    listServices: (namespace, options) =>
      good.listServices(bare({ namespace, service: 'x' }).namespace, options),
    watch: (key, { signal }) =>
      mapped(watchOf(good, bare(key), signal), (event) =>
        event.kind === 'list'
          ? { ...event, instances: event.instances.map((instance) => renamed(instance, key)) }
          : { ...event, put: event.put.map((instance) => renamed(instance, key)) },
      ),
    watchServices: (namespace, { signal }) =>
      namesOf(good, bare({ namespace, service: 'x' }).namespace, signal),
  };
}

function renamed(instance: ServiceInstance, { namespace, service }: ServiceKey): ServiceInstance {
  return defineInstance({ ...instance, namespace, service });
}

function renewing(lease: Lease, renew: NonNullable<Lease['renew']>): Lease {
  return { ttlMs: lease.ttlMs, renew };
}

function without(instance: ServiceInstance, field: 'zone' | 'metadata'): ServiceInstance {
  const { zone, metadata, ...rest } = instance;
  return defineInstance({
    ...rest,
    ...(field !== 'zone' && zone !== undefined && { zone }),
    ...(field !== 'metadata' && metadata && { metadata }),
  });
}

function withMetadata(
  instance: ServiceInstance,
  change: (pairs: [string, string][]) => [string, string][],
): ServiceInstance {
  const metadata = Object.fromEntries(change(Object.entries(instance.metadata ?? {})));
  return defineInstance({ ...instance, metadata });
}

/** A signal that nobody aborts. */
function unheard(): AbortSignal {
  return new AbortController().signal;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'UNAVAILABLE';
}
