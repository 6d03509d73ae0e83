import type { ServiceInstance } from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { costOf } from '../cost.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { PushAdapter } from '../push-adapter.ts';
import { sampleInstances, serviceNames } from '../sample-instances.ts';
import { median } from '../statistics.ts';

const SERVICES = 1_000;
const INSTANCES = 10;

/** So many operations in one turn of the event loop; then what changed is made visible. */
const TURN = 1_000;

/** Every tenth operation is a change. */
const CHANGE_EVERY = 10;

/** What a table under a read-write lock is quoted at, in operations a second. */
const LOCKED_TABLE = 480_000;

export const mix: Bench = {
  name: 'mix',
  title: `90 % look-ups, 10 % changes over ${SERVICES.toLocaleString('en')} services on one thread`,
  async run({ quick, progress }) {
    const operations = quick ? 20_000 : 2_000_000;
    const rounds = quick ? 1 : 5;
    const names = serviceNames(SERVICES);
    const lists = new Map(names.map((name) => [name, sampleInstances(name, INSTANCES)]));
    const ops = planned(names, lists);

    const adapter = new PushAdapter((service) => lists.get(service) ?? []);
    const registry = await measuredRegistry(adapter);
    await Promise.all(names.map((name) => registry.service(name).load()));

    const rates = { ours: [] as number[], bare: [] as number[] };
    for (let round = -1; round < rounds; round++) {
      progress(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
      const ours = await costOf(async () => {
        let seen = 0;
        for (let done = 0; done < operations; done += TURN) {
          let last: { service: string; instance: ServiceInstance } | undefined;
          for (let i = 0; i < TURN; i++) {
            const { service, instance } = ops[(done + i) % ops.length] as Operation;
            if (instance) {
              adapter.put(service, [instance]);
              last = { service, instance };
            } else seen += registry.service(service).snapshot?.instances.length ?? 0;
          }
          // Nothing is left for later: the turn ends when its last change can be read.
          while (last && !registry.service(last.service).snapshot?.instances.includes(last.instance))
            await new Promise((resolve) => setImmediate(resolve));
        }
        if (seen === 0) throw new Error('nothing was read');
      });
      const bare = await costOf(() => {
        const map = new Map(lists);
        let seen = 0;
        for (let i = 0; i < operations; i++) {
          const { service, instance } = ops[i % ops.length] as Operation;
          if (instance) {
            // A reader may still hold the old array, so it is replaced.
            const list = (map.get(service) ?? []).slice();
            const place = list.findIndex(({ id }) => id === instance.id);
            if (place === -1) list.push(instance);
            else list[place] = instance;
            map.set(service, list);
          } else seen += map.get(service)?.length ?? 0;
        }
        if (seen === 0) throw new Error('nothing was read');
      });
      if (round < 0) continue;
      rates.ours.push((operations / ours.cpuMs) * 1_000);
      rates.bare.push((operations / bare.cpuMs) * 1_000);
    }
    await registry.close();

    const ours = median(rates.ours);
    return {
      rows: [
        row({
          what: 'look-ups and changes',
          unit: 'operations/s of CPU',
          ours,
          peer: { name: 'a plain Map of arrays', figure: median(rates.bare) },
          target: {
            text: `far over ${LOCKED_TABLE.toLocaleString('en')}/s: at least 3×`,
            met: ours >= 3 * LOCKED_TABLE,
          },
        }),
      ],
      notes: [
        `Medians of ${rounds} rounds of ${operations.toLocaleString('en')} operations. A change goes the whole way: watch event, table, new frozen snapshot. After each ${TURN.toLocaleString('en')} operations the bench waits until the last change can be read.`,
        'The Map has no watch, no subscribers and no checks: it is the floor, not an alternative.',
      ],
    };
  },
};

interface Operation {
  readonly service: string;
  /** What is put; none for a look-up. */
  readonly instance?: ServiceInstance;
}

/** A fixed order of operations in which each change changes something. */
function planned(
  names: readonly string[],
  lists: ReadonlyMap<string, readonly ServiceInstance[]>,
): readonly Operation[] {
  // 7919 is prime to the number of services, so that all have their turn.
  return Array.from({ length: 100_000 }, (_, i) => {
    const service = names[(i * 7_919) % names.length] as string;
    if (i % CHANGE_EVERY !== 0) return { service };
    const before = lists.get(service)?.[i % INSTANCES] as ServiceInstance;
    return { service, instance: Object.freeze({ ...before, weight: i + 1 }) };
  });
}
