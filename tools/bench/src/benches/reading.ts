import { do_not_optimize, measure } from 'mitata';
import type { Snapshot } from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { bytesPerCall } from '../bytes-per-call.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { PushAdapter } from '../push-adapter.ts';
import { sampleInstances, serviceNames } from '../sample-instances.ts';
import { median } from '../statistics.ts';

const SERVICES = 1_024;
/** Those that a process calls all the time; they fit the first cache of a core. */
const FEW = 64;
const INSTANCES = 10;

/** More bytes for one read than this are an allocation; less is what measuring itself leaves behind. */
const NO_ALLOCATION_BYTES = 0.1;

export const reading: Bench = {
  name: 'reading',
  title: "Reading a service's instances",
  async run({ quick, progress }) {
    const names = serviceNames(SERVICES);
    const registry = await measuredRegistry(
      new PushAdapter((service) => sampleInstances(service, INSTANCES)),
    );
    const map = new Map<string, Snapshot>();
    await Promise.all(names.map(async (name) => map.set(name, await registry.service(name).load())));

    const view = registry.service('service-7');
    const few = turnsOf(names.slice(0, FEW));
    const all = turnsOf(names);
    const readers = {
      bareFew: () => do_not_optimize(map.get(few())?.instances),
      byNameFew: () => do_not_optimize(registry.service(few()).snapshot?.instances),
      bareAll: () => do_not_optimize(map.get(all())?.instances),
      byNameAll: () => do_not_optimize(registry.service(all()).snapshot?.instances),
      inHand: () => {
        few();
        do_not_optimize(view.snapshot?.instances);
      },
    };
    progress('timing reads');
    const ns = await timeInTurns(readers, quick);
    progress('counting bytes');
    const reads = quick ? 200_000 : 10_000_000;
    const bytes = {
      byName: bytesPerCall(readers.byNameAll, reads),
      inHand: bytesPerCall(readers.inHand, reads),
    };
    await registry.close();

    const timed = (what: string, ours: number, bare: number) =>
      row({
        what,
        unit: 'ns',
        ours,
        peer: { name: 'Map.get(name)', figure: bare },
        target: { text: 'at most 2×', met: ours <= 2 * bare },
      });
    const none = (figure: number) => ({ text: 'no allocation', met: figure < NO_ALLOCATION_BYTES });
    const call = '`registry.service(name).snapshot.instances`';
    return {
      rows: [
        timed('`view.snapshot.instances`, the view in hand', ns.inHand, ns.bareFew),
        timed(`${call}, ${FEW} services in turn`, ns.byNameFew, ns.bareFew),
        timed(`${call}, ${SERVICES.toLocaleString('en')} services in turn`, ns.byNameAll, ns.bareAll),
        row({
          what: 'allocated for a read by name',
          unit: 'bytes',
          ours: bytes.byName,
          target: none(bytes.byName),
        }),
        row({
          what: 'allocated for a read with the view in hand',
          unit: 'bytes',
          ours: bytes.inHand,
          target: none(bytes.inHand),
        }),
      ],
      notes: [
        'Median of the medians of rounds that take turns; each includes the same step to the next name.',
        `Bytes: the growth of the used heap over ${reads.toLocaleString('en')} reads, in slices too short for a collection, divided by the reads.`,
      ],
    };
  },
};

/** The next name at each call, so that the compiler can't take the look-up out of the loop. */
function turnsOf(names: readonly string[]): () => string {
  let at = 0;
  return () => names[(at = (at + 1) % names.length)] as string;
}

/** Nanoseconds for one call of each. They take turns, so that what else the machine does hits all alike. */
async function timeInTurns<Name extends string>(
  readers: Readonly<Record<Name, () => void>>,
  quick: boolean,
): Promise<Record<Name, number>> {
  const names = Object.keys(readers) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < (quick ? 1 : 7); round++) {
    for (const name of names) {
      // One at a time: they share the machine.
      const { p50 } = await measure(readers[name], { min_cpu_time: quick ? 1e6 : 200e6 });
      taken[name].push(p50);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(taken[name])])) as Record<Name, number>;
}
