import { Etcd3 } from 'etcd3';
import { startRegistry } from '@rollcall-tools/registries';
import { etcdAdapter } from '@rollcall/etcd';
import type { Lease, RegisterOptions, Registry, RegistryAdapter, ServiceInstance } from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { costOf, type Cost } from '../cost.ts';
import { eachOf } from '../each-of.ts';
import { etcdEntry } from '../etcd-keys.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { sampleInstance, sampleSpec } from '../sample-instances.ts';

const TTL_MS = 3_000;
const TTLS = 3;

/** The core's default, given to the bare client too. */
const AT_ONCE = 32;

export const etcdRegistrations: Bench = {
  name: 'etcd-registrations',
  title: 'Many registrations from one process, on etcd',
  server: 'etcd',
  async run({ quick, progress, fresh }) {
    const count = quick ? 200 : 10_000;
    const etcd = await startRegistry('etcd', { own: true, progress });
    try {
      const { endpoints } = etcd;
      const run = <T>(name: string, input: number) =>
        fresh<T>(import.meta.url, name, { endpoints, count: input });
      progress(`${count} bare puts`);
      const bare = await run<Cost>('putBare', count);
      await etcd.restart({ wipe: true });
      progress(`${count} registrations`);
      const ours = await run<Registered>('registerOurs', count);
      await etcd.restart({ wipe: true });
      progress('one registration');
      const one = await run<Registered>('registerOurs', 1);
      const peer = (figure: number) => ({ name: 'bare etcd3 puts with a lease', figure });
      const many = count.toLocaleString('en');
      return {
        rows: [
          row({ what: `${many} listed`, unit: 'ms', ours: ours.cost.wallMs, peer: peer(bare.wallMs) }),
          row({ what: `${many} listed`, unit: 'ms of CPU', ours: ours.cost.cpuMs, peer: peer(bare.cpuMs) }),
          row({ what: '1 registered', unit: 'beats per TTL', ours: one.beats }),
          row({
            what: `${many} registered`,
            unit: 'beats per TTL',
            ours: ours.beats,
            // Not the same to the beat: the waits between them are spread by a tenth.
            target: { text: 'no more than one registration', met: ours.beats < one.beats + 1 },
          }),
        ],
        notes: [
          `Each in a process of its own on an empty etcd on the same machine, ${AT_ONCE} writes at once. Beats counted over ${TTLS} TTLs of ${TTL_MS / 1_000} s.`,
        ],
      };
    } finally {
      await etcd.stop();
    }
  },
};

interface Input {
  readonly endpoints: readonly string[];
  readonly count: number;
}

/** What {@link registerOurs} saw. */
export interface Registered {
  readonly cost: Cost;
  readonly beats: number;
}

/** Registers through Rollcall, and counts the beats that follow. */
export async function registerOurs({ endpoints, count }: Input): Promise<Registered> {
  const adapter = new CountedBeats(etcdAdapter({ endpoints: [...endpoints] }));
  const registry = await measuredRegistry(adapter.counted, { registration: { ttlMs: TTL_MS } });
  const cost = await costOf(() => registerAll(registry, count));
  adapter.beats = 0;
  await new Promise((resolve) => setTimeout(resolve, TTLS * TTL_MS));
  const beats = adapter.beats / TTLS;
  await registry.close();
  return { cost, beats };
}

/** Writes the same entries through etcd3, on one lease. */
export async function putBare({ endpoints, count }: Input): Promise<Cost> {
  const client = new Etcd3({ hosts: [...endpoints] });
  const cost = await costOf(async () => {
    const lease = client.lease(TTL_MS / 1_000);
    await eachOf(count, AT_ONCE, async (i) => {
      const { key, value } = etcdEntry(sampleInstance('user-service', i));
      await lease.put(key).value(value);
    });
    await lease.revoke();
  });
  client.close();
  return cost;
}

async function registerAll(registry: Registry, count: number): Promise<void> {
  const wanted = Array.from({ length: count }, (_, i) => registry.register(sampleSpec('user-service', i)));
  await Promise.all(wanted.map((registration) => registration.listed({ timeoutMs: 120_000 })));
}

/** Counts the beats of every lease that an adapter hands out. */
class CountedBeats {
  readonly counted: RegistryAdapter;
  beats = 0;
  readonly #leases = new WeakMap<Lease, Lease>();

  constructor(adapter: RegistryAdapter) {
    const register = async (instance: ServiceInstance, options: RegisterOptions) =>
      this.#count(await adapter.register(instance, options));
    this.counted = new Proxy(adapter, {
      get: (target, name) => {
        if (name === 'register') return register;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
      },
    });
  }

  #count(lease: Lease): Lease {
    let counted = this.#leases.get(lease);
    if (!counted) {
      counted = {
        ttlMs: lease.ttlMs,
        ...(lease.lost && { lost: lease.lost }),
        renew: async (options) => {
          this.beats++;
          await lease.renew?.(options);
        },
      };
      this.#leases.set(lease, counted);
    }
    return counted;
  }
}
