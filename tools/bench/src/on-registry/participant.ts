import { liveBytes } from '../collect-garbage.ts';
import { costOf, type Cost } from '../cost.ts';
import { eachOf } from '../each-of.ts';
import { machineMs } from '../machine-ms.ts';
import { sampleInstance } from '../sample-instances.ts';
import { stayingProcess, type Remote } from '../staying-process.ts';
import type { MeasuredClient } from './benched-registry.ts';
import { BENCHED_REGISTRIES, type BenchedType } from './catalogue.ts';
import { RollcallClient } from './rollcall-client.ts';

/** What is measured. */
export type Side = 'ours' | 'bare';

export interface Joining {
  readonly type: BenchedType;
  readonly endpoint: string;
  readonly side: Side;
  /** Where whole lists are told: as Rollcall is set for that, and nothing but the changes. */
  readonly wholeLists?: boolean;
}

/** Starts a process that uses a registry through Rollcall or through the bare library, and measures what it does. */
export function startParticipant(joining: Joining): Promise<Remote<Participant>> {
  return stayingProcess<Participant>(import.meta.url, 'join', joining);
}

/** In the process: makes the {@link Participant}. */
export async function join({ type, endpoint, side, wholeLists }: Joining): Promise<Participant> {
  const registry = await BENCHED_REGISTRIES[type].load();
  if (side === 'bare') return new Participant(await registry.bare(endpoint));
  const makeAdapter = (wholeLists && registry.whole?.adapter) || registry.adapter;
  const quiet = { discovery: { relistIntervalMs: DAY_MS } };
  return new Participant(await RollcallClient.create(() => makeAdapter(endpoint), wholeLists ? quiet : {}));
}

const DAY_MS = 86_400_000;

/** What came of some changes. */
export interface Seen {
  /** From when each change was asked for to when it was told, in milliseconds. */
  readonly latencies: readonly number[];
  /** Of the whole process, in milliseconds. */
  readonly cpuMs: number;
  /** How often a list was told. */
  readonly told: number;
}

/** One process with one client. Each method takes one input, so that another process can call it. */
export class Participant {
  readonly #client: MeasuredClient;
  readonly #lists = new Map<string, readonly unknown[]>();
  readonly #stamps = new Set<string>();
  #latencies: number[] | undefined;
  #told = 0;
  #cpu = process.cpuUsage();

  constructor(client: MeasuredClient) {
    this.#client = client;
  }

  /** Lists `count` instances, and says what it took. */
  async register({
    service,
    count,
    atOnce,
  }: {
    readonly service: string;
    readonly count: number;
    readonly atOnce: number;
  }): Promise<Cost> {
    const instances = Array.from({ length: count }, (_, i) => sampleInstance(service, i));
    return costOf(() =>
      eachOf(count, atOnce, async (i) => {
        const instance = instances[i];
        if (instance) await this.#client.register(instance);
      }),
    );
  }

  /** Reads a list `times` times, and says how long each took, in milliseconds. */
  async list({
    service,
    count,
    times,
  }: {
    readonly service: string;
    readonly count: number;
    readonly times: number;
  }): Promise<readonly number[]> {
    const took: number[] = [];
    for (let i = -WARM_UP; i < times; i++) {
      const start = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- one after another
      const { length } = await this.#client.list(service);
      if (i >= 0) took.push(performance.now() - start);
      if (length !== count) throw new Error(`${service} lists ${length} instances, not ${count}`);
    }
    return took;
  }

  /** Keeps the lists of these services, of so many instances each. */
  async follow({
    services,
    count,
  }: {
    readonly services: readonly string[];
    readonly count: number;
  }): Promise<void> {
    await this.#client.follow(services, (service, list) => this.#take(service, list));
    const isWhole = () => services.every((service) => this.#lists.get(service)?.length === count);
    await until(isWhole, () => `${count} instances in each of ${services.join(', ')}`);
  }

  /** The bytes that keeping one more list takes. */
  async memory(list: { readonly service: string; readonly count: number }): Promise<number> {
    const before = liveBytes();
    await this.follow({ services: [list.service], count: list.count });
    return liveBytes() - before;
  }

  /** Looks at what comes from now on; with `timed`, for when each change was asked for. */
  begin({ timed }: { readonly timed: boolean }): void {
    for (const list of this.#lists.values()) this.#look(list);
    this.#latencies = timed ? [] : undefined;
    this.#told = 0;
    this.#cpu = process.cpuUsage();
  }

  /** Waits for the last change, and says what was seen since {@link begin}. */
  async end({ service, stamp }: { readonly service: string; readonly stamp: string }): Promise<Seen> {
    const isThere = (entry: unknown) => this.#client.metadataOf(entry)?.['sentAt'] === stamp;
    await until(
      () => this.#lists.get(service)?.some(isThere) ?? false,
      () => `the last change of ${service}`,
    );
    const { user, system } = process.cpuUsage(this.#cpu);
    const latencies = this.#latencies ?? [];
    this.#latencies = undefined;
    return { latencies, cpuMs: (user + system) / 1_000, told: this.#told };
  }

  /** The CPU time that it takes to decode a whole list once, in milliseconds, for each round of `times` times. */
  async decode({
    type,
    endpoint,
    service,
    rounds,
    times,
  }: {
    readonly type: BenchedType;
    readonly endpoint: string;
    readonly service: string;
    readonly rounds: number;
    readonly times: number;
  }): Promise<readonly number[]> {
    const decode = await (await BENCHED_REGISTRIES[type].load()).whole?.decoder(endpoint, service);
    if (!decode) throw new Error(`${type} sends no whole lists`);
    const took: number[] = [];
    for (let round = -WARM_UP; round < rounds; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one after another
      const { cpuMs } = await costOf(async () => {
        // oxlint-disable-next-line no-await-in-loop -- one after another
        for (let i = 0; i < times; i++) await decode();
      });
      if (round >= 0) took.push(cpuMs / times);
    }
    return took;
  }

  #take(service: string, list: readonly unknown[]): void {
    this.#lists.set(service, list);
    this.#told++;
    if (this.#latencies) this.#look(list);
  }

  /** Notes the changes that weren't there before. */
  #look(list: readonly unknown[]): void {
    const now = machineMs();
    for (const entry of list) {
      const stamp = this.#client.metadataOf(entry)?.['sentAt'];
      if (stamp === undefined || this.#stamps.has(stamp)) continue;
      this.#stamps.add(stamp);
      this.#latencies?.push(now - Number(stamp));
    }
  }
}

/** What isn't counted, so that the code is compiled and the connection is there. */
const WARM_UP = 3;

const WAIT_MS = 60_000;

async function until(isTrue: () => boolean, what: () => string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`${what()}: not seen within ${WAIT_MS} ms`);
    // oxlint-disable-next-line no-await-in-loop -- it waits for others
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
