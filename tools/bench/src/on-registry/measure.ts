import { startRegistry } from '@rollcall-tools/registries';
import { median, percentile } from '../statistics.ts';
import type { Remote } from '../staying-process.ts';
import type { BenchedRegistry, WholeLists } from './benched-registry.ts';
import { BENCHED_REGISTRIES, type BenchedType } from './catalogue.ts';
import { CountingProxy } from './counting-proxy.ts';
import { type Participant, type Side, startParticipant } from './participant.ts';
import { type Group, type Population, startPopulation } from './population.ts';
import type { Sizes } from './sizes.ts';

/** Of Rollcall, and of the bare library. */
export type Both<Value> = Readonly<Record<Side, Value>>;

/** Everything that is measured on one registry. */
export interface Figures {
  /** In milliseconds. */
  readonly registerMs: Both<number>;
  readonly registerCpuMs: Both<number>;
  readonly listMs: Both<number>;
  readonly seenMs: Both<{ readonly p50: number; readonly p99: number; readonly count: number }>;
  readonly requestsPerMinute: Both<number>;
  /** Bytes for each instance. */
  readonly memory: Both<number>;
  /** Milliseconds of CPU for one change: of our process, and of nothing but decoding the list. */
  readonly wholeCpuMs?: { readonly few: Whole; readonly many: Whole };
}

interface Whole {
  readonly ours: number;
  readonly decoding: number;
}

interface Place {
  readonly type: BenchedType;
  readonly endpoint: string;
  readonly registry: BenchedRegistry;
  readonly sizes: Sizes;
  readonly progress: (line: string) => void;
}

/** Measures a registry, on a server of its own; each side's work runs in processes of its own. */
export async function measureRegistry(
  type: BenchedType,
  sizes: Sizes,
  progress: (line: string) => void,
): Promise<Figures> {
  const registry = await BENCHED_REGISTRIES[type].load();
  const server = await startRegistry(registry.type, {
    own: true,
    progress,
    ...(registry.flags && { flags: registry.flags }),
  });
  const crowds: Remote<Population>[] = [];
  try {
    const endpoint = server.endpoints[0] ?? '';
    const place: Place = { type, endpoint, registry, sizes, progress };
    const crowd = async (groups: readonly Group[], still: boolean) => {
      const population = await startPopulation({ type, endpoint, groups, still });
      crowds.push(population);
      return population;
    };
    progress(`listing ${sizes.list} instances and some`);
    const names = Array.from({ length: sizes.services }, (_, i) => `resting-${i}`);
    const resting = names.map((service) => ({ service, from: 0, to: sizes.perService }));
    await crowd([{ service: 'listed', from: 0, to: sizes.list }, ...resting], true);
    const moving = [
      { service: 'moving', from: 0, to: sizes.moving },
      { service: 'few', from: 0, to: sizes.few },
      { service: 'many', from: 0, to: sizes.few },
    ];
    const movers = await crowd(moving, false);
    const requestsPerMinute = await atRest(place, names);
    const listMs = await listing(place);
    const seenMs = await seeing(place, movers);
    progress(`listing ${sizes.many} instances`);
    await crowd([{ service: 'many', from: sizes.few, to: sizes.many }], true);
    const memory = await remembering(place);
    const { whole } = registry;
    const wholeCpuMs = whole && (await workingThrough(place, whole, movers));
    await Promise.all(crowds.splice(0).map((each) => each.end()));
    const cost = await registering(place, () => server.restart({ wipe: true }));
    return {
      registerMs: { ours: cost.ours.wallMs, bare: cost.bare.wallMs },
      registerCpuMs: { ours: cost.ours.cpuMs, bare: cost.bare.cpuMs },
      listMs,
      seenMs,
      requestsPerMinute,
      memory,
      ...(wholeCpuMs && { wholeCpuMs }),
    };
  } finally {
    await Promise.all(crowds.map((each) => each.end()));
    await server.stop();
  }
}

/** What each asks while nothing happens: both at the same time, as neither has anything to do. */
async function atRest(place: Place, names: readonly string[]): Promise<Both<number>> {
  const { sizes, registry, endpoint, progress } = place;
  progress(`at rest for ${sizes.restMs / 1_000} s`);
  const { port } = new URL(endpoint.includes('://') ? endpoint : `tcp://${endpoint}`);
  const count = async (side: Side): Promise<number> => {
    const proxy = await CountingProxy.open(Number(port), registry.ports);
    try {
      const through = endpoint.replace(`:${port}`, `:${proxy.port}`);
      return await withParticipant({ ...place, endpoint: through }, side, async (participant) => {
        await participant.call('follow', { services: names, count: sizes.perService });
        await participant.call('register', { service: `resting-${side}`, count: 1, atOnce: 1 });
        await sleep(sizes.settleMs);
        const before = proxy.requests;
        await sleep(sizes.restMs);
        return ((proxy.requests - before) * 60_000) / sizes.restMs;
      });
    } finally {
      await proxy.close();
    }
  };
  const [ours, bare] = await Promise.all([count('ours'), count('bare')]);
  return { ours, bare };
}

async function listing(place: Place): Promise<Both<number>> {
  const { sizes, progress } = place;
  const list = { service: 'listed', count: sizes.list, times: sizes.lists };
  return inTurn(async (side) => {
    progress(`listing through ${NAMES[side]}`);
    return median(await withParticipant(place, side, (participant) => participant.call('list', list)));
  });
}

async function seeing(place: Place, movers: Remote<Population>): Promise<Figures['seenMs']> {
  const { sizes, progress } = place;
  const service = 'moving';
  return inTurn(async (side) => {
    progress(`changes seen through ${NAMES[side]}`);
    return withParticipant(place, side, async (participant) => {
      await participant.call('follow', { services: [service], count: sizes.moving });
      const change = (seconds: number) =>
        movers.call('change', {
          service,
          count: Math.ceil(seconds * sizes.perSecond),
          everyMs: 1_000 / sizes.perSecond,
        });
      // A process that runs has compiled its code.
      await participant.call('begin', { timed: false });
      await participant.call('end', { service, stamp: await change(sizes.seconds / 5) });
      await participant.call('begin', { timed: true });
      const { latencies } = await participant.call('end', { service, stamp: await change(sizes.seconds) });
      return {
        p50: percentile(latencies, 0.5),
        p99: percentile(latencies, 0.99),
        count: latencies.length,
      };
    });
  });
}

async function remembering(place: Place): Promise<Both<number>> {
  const { sizes, progress } = place;
  return inTurn(async (side) => {
    progress(`${sizes.many} instances held through ${NAMES[side]}`);
    return withParticipant(place, side, async (participant) => {
      await participant.call('follow', { services: ['few'], count: sizes.few });
      return (await participant.call('memory', { service: 'many', count: sizes.many })) / sizes.many;
    });
  });
}

async function workingThrough(
  place: Place,
  whole: WholeLists,
  movers: Remote<Population>,
): Promise<NonNullable<Figures['wholeCpuMs']>> {
  const { type, endpoint, sizes, progress } = place;
  if (whole.settleMs !== undefined && sizes.isFull) {
    progress(`waiting ${whole.settleMs / 1_000} s until earlier changes are told no more`);
    await sleep(whole.settleMs);
  }
  const measure = async (service: string, count: number): Promise<Whole> => {
    progress(`single changes among ${count}`);
    const ours = await withParticipant({ ...place, wholeLists: true }, 'ours', async (participant) => {
      await participant.call('follow', { services: [service], count });
      const change = (changes: number) =>
        movers.call('change', {
          service,
          count: changes,
          everyMs: whole.apartMs,
          comesAndGoes: whole.comesAndGoes ?? false,
        });
      await participant.call('begin', { timed: false });
      await participant.call('end', { service, stamp: await change(2) });
      await participant.call('begin', { timed: false });
      const { cpuMs, told } = await participant.call('end', { service, stamp: await change(sizes.changes) });
      // On a busy machine some come together, and cost as much as one.
      return cpuMs / Math.min(told, sizes.changes);
    });
    const rounds = await withParticipant(place, 'bare', (participant) =>
      participant.call('decode', {
        type,
        endpoint,
        service,
        rounds: sizes.decodes,
        // What takes microseconds is done often enough for CPU time to be told.
        times: Math.ceil(sizes.many / count),
      }),
    );
    return { ours, decoding: median(rounds) };
  };
  return { few: await measure('few', sizes.few), many: await measure('many', sizes.many) };
}

/** Each on an empty server: what the other left, and its end, would take time from it. */
async function registering(
  place: Place,
  empty: () => Promise<void>,
): Promise<Both<{ readonly wallMs: number; readonly cpuMs: number }>> {
  const { sizes, progress } = place;
  return inTurn(async (side) => {
    progress(`${sizes.list} registrations through ${NAMES[side]}`);
    await empty();
    return withParticipant(place, side, async (participant) => {
      // Connects, and compiles the code.
      await participant.call('register', { service: `first-${side}`, count: 10, atOnce: 10 });
      return participant.call('register', {
        service: `registered-${side}`,
        count: sizes.list,
        // Rollcall is told all that is wanted; how many go at once is up to its own setting, 32.
        atOnce: side === 'ours' ? sizes.list : AT_ONCE,
      });
    });
  });
}

/** What the bare library is given to do at once, as Rollcall's default is. */
const AT_ONCE = 32;

const NAMES: Both<string> = { ours: 'Rollcall', bare: 'the bare library' };

async function withParticipant<Value>(
  { type, endpoint, wholeLists = false }: Place & { readonly wholeLists?: boolean },
  side: Side,
  use: (participant: Remote<Participant>) => Promise<Value>,
): Promise<Value> {
  const participant = await startParticipant({ type, endpoint, side, wholeLists });
  try {
    return await use(participant);
  } finally {
    await participant.end();
  }
}

/** One after the other, so that neither takes a core from the other. */
async function inTurn<Value>(measure: (side: Side) => Promise<Value>): Promise<Both<Value>> {
  const ours = await measure('ours');
  return { ours, bare: await measure('bare') };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
