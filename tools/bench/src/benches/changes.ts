import type { Registry, ServiceInstance } from '@rollcall/core';
import { row, type Bench } from '../bench.ts';
import { costOf } from '../cost.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { PushAdapter } from '../push-adapter.ts';
import { sampleInstances } from '../sample-instances.ts';
import { median } from '../statistics.ts';

const SERVICE = 'user-service';
const INSTANCES = 10_000;
const BURST = 1_000;

export const changes: Bench = {
  name: 'changes',
  title: `Changes in a service of ${INSTANCES.toLocaleString('en')} instances`,
  async run({ quick, progress }) {
    const singles = quick ? 50 : 1_000;
    const rounds = quick ? 2 : 15;
    const instances = sampleInstances(SERVICE, INSTANCES);
    const adapter = new PushAdapter(() => instances);
    const registry = await measuredRegistry(adapter);
    await registry.service(SERVICE).load();
    const watched = new Watched(registry, adapter);
    const bare = new BareTable(instances);
    const batches = changesOf(instances);

    const ours = { single: [] as number[], oneByOne: [] as number[], atOnce: [] as number[] };
    const theirs = { single: [] as number[], burst: [] as number[] };
    for (let round = -1; round < rounds; round++) {
      progress(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`);
      const [first, second, third] = [batches(singles, 1), batches(1, BURST), batches(1, BURST)];
      const single = await costOf(async () => {
        for (const batch of first) await watched.change(batch, 'one by one');
      });
      const oneByOne = await costOf(() => watched.change(second.flat(), 'one by one'));
      const atOnce = await costOf(() => watched.change(third.flat(), 'at once'));
      const bareSingle = await costOf(() => first.forEach((batch) => bare.change(batch)));
      const bareBurst = await costOf(() => bare.change(second.flat()));
      if (round < 0) continue;
      ours.single.push(single.cpuMs / singles);
      ours.oneByOne.push(oneByOne.cpuMs);
      ours.atOnce.push(atOnce.cpuMs);
      theirs.single.push(bareSingle.cpuMs / singles);
      theirs.burst.push(bareBurst.cpuMs);
    }
    watched.end();
    await registry.close();

    const single = median(ours.single);
    const inSingles = (burst: readonly number[]) => median(burst) / single;
    const peer = 'a Map, and a frozen array made of it';
    const under20 = (burst: readonly number[]) => ({
      text: 'under 20 single ones',
      met: inSingles(burst) < 20,
    });
    return {
      rows: [
        row({
          what: 'one change, until a subscriber has the new list',
          unit: 'ms of CPU',
          ours: single,
          peer: { name: peer, figure: median(theirs.single) },
          target: { text: 'under 1 ms', met: single < 1 },
        }),
        row({
          what: `a burst of ${BURST.toLocaleString('en')} changes, told one by one`,
          unit: 'ms of CPU',
          ours: median(ours.oneByOne),
          peer: { name: `${peer}, once`, figure: median(theirs.burst) },
        }),
        row({
          what: `a burst of ${BURST.toLocaleString('en')} changes, told at once`,
          unit: 'ms of CPU',
          ours: median(ours.atOnce),
          peer: { name: `${peer}, once`, figure: median(theirs.burst) },
        }),
        row({
          what: 'that burst told one by one',
          unit: 'single changes',
          ours: inSingles(ours.oneByOne),
          target: under20(ours.oneByOne),
        }),
        row({
          what: 'that burst told at once',
          unit: 'single changes',
          ours: inSingles(ours.atOnce),
          target: under20(ours.atOnce),
        }),
      ],
      notes: [
        `CPU time of the whole process, its collector and compiler included; medians of ${rounds} rounds, each of ${singles} single changes and a burst of either kind.`,
        'The peer decodes nothing, checks nothing and tells nobody.',
      ],
    };
  },
};

/** The service through Rollcall: a change is done when a subscriber got the snapshot that has it. */
class Watched {
  readonly #adapter: PushAdapter;
  readonly end: () => void;
  #expected: Change | undefined;
  #arrived = (): void => {};

  constructor(registry: Registry, adapter: PushAdapter) {
    this.#adapter = adapter;
    this.end = registry.service(SERVICE).subscribe(({ instances }) => {
      // An instance that changes keeps its place in the list.
      if (this.#expected && instances[this.#expected.place] === this.#expected.instance) this.#arrived();
    });
  }

  async change(changed: readonly Change[], told: 'one by one' | 'at once'): Promise<void> {
    const seen = new Promise<void>((resolve) => (this.#arrived = resolve));
    this.#expected = changed.at(-1);
    if (told === 'at once')
      this.#adapter.put(
        SERVICE,
        changed.map(({ instance }) => instance),
      );
    else for (const { instance } of changed) this.#adapter.put(SERVICE, [instance]);
    await seen;
    this.#expected = undefined;
  }
}

/** The least that anyone would do for the same list. */
class BareTable {
  readonly #byId: Map<string, ServiceInstance>;
  list: readonly ServiceInstance[] = [];

  constructor(instances: readonly ServiceInstance[]) {
    this.#byId = new Map(instances.map((instance) => [instance.id, instance]));
  }

  change(changed: readonly Change[]): void {
    for (const { instance } of changed) this.#byId.set(instance.id, instance);
    this.list = Object.freeze([...this.#byId.values()]);
  }
}

interface Change {
  readonly place: number;
  readonly instance: ServiceInstance;
}

/** Makes changes ahead of time, each of another instance, and each a real one. */
function changesOf(
  instances: readonly ServiceInstance[],
): (count: number, size: number) => readonly Change[][] {
  let made = 0;
  const next = (): Change => {
    const place = made++ % instances.length;
    const instance = Object.freeze({
      ...(instances[place] as ServiceInstance),
      weight: 1_000 + (made % 900_000),
    });
    return { place, instance };
  };
  return (count, size) => Array.from({ length: count }, () => Array.from({ length: size }, next));
}
