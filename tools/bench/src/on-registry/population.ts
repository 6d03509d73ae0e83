import type { Registration, Registry, ServiceInstance } from '@rollcall/core';
import { machineMs } from '../machine-ms.ts';
import { measuredRegistry } from '../measured-registry.ts';
import { sampleInstance, sampleSpec } from '../sample-instances.ts';
import { stayingProcess, type Remote } from '../staying-process.ts';
import type { BenchedRegistry } from './benched-registry.ts';
import { BENCHED_REGISTRIES, type BenchedType } from './catalogue.ts';

/** Instances of one service, by their number. */
export interface Group {
  readonly service: string;
  readonly from: number;
  readonly to: number;
}

export interface Populating {
  readonly type: BenchedType;
  readonly endpoint: string;
  readonly groups: readonly Group[];
  /** None of them will change. Defaults to false. */
  readonly still?: boolean;
}

export interface Changing {
  readonly service: string;
  readonly count: number;
  readonly everyMs: number;
  /** One instance goes and comes instead, in turns. Defaults to false. */
  readonly comesAndGoes?: boolean;
}

/** Starts a process that lists instances, and keeps still. */
export function startPopulation(populating: Populating): Promise<Remote<Population>> {
  return stayingProcess<Population>(import.meta.url, 'populate', populating);
}

/** In the process: makes the {@link Population}. Those who are listed show no sign of life for a day. */
export async function populate({ type, endpoint, groups, still }: Populating): Promise<Population> {
  const { adapter, listedAtOnce = 32, fill }: BenchedRegistry = await BENCHED_REGISTRIES[type].load();
  const registry = await measuredRegistry(adapter(endpoint), {
    registry: { requestTimeoutMs: WAIT_MS },
    registration: { ttlMs: DAY_MS, verifyIntervalMs: DAY_MS, concurrency: listedAtOnce },
  });
  const byService = new Map<string, Registration[]>();
  if (still && fill) {
    await fill(endpoint, groups.flatMap(instancesOf));
    return new Population(registry, byService);
  }
  for (const { service, from, to } of groups)
    byService.set(
      service,
      Array.from({ length: to - from }, (_, i) => registry.register(sampleSpec(service, from + i))),
    );
  await Promise.all([...byService.values()].flat().map((each) => each.listed({ timeoutMs: WAIT_MS })));
  return new Population(registry, byService);
}

function instancesOf({ service, from, to }: Group): readonly ServiceInstance[] {
  return Array.from({ length: to - from }, (_, i) => sampleInstance(service, from + i));
}

const DAY_MS = 86_400_000;
const WAIT_MS = 240_000;

/** One process's instances. */
export class Population {
  readonly #registry: Registry;
  readonly #byService: ReadonlyMap<string, Registration[]>;

  constructor(registry: Registry, byService: ReadonlyMap<string, Registration[]>) {
    this.#registry = registry;
    this.#byService = byService;
  }

  /**
   * Changes one instance after the other, at an even rate whether or not earlier changes were answered. Each carries when it
   * was asked for, as `metadata.sentAt`; what it gives is that of the last.
   */
  async change({ service, count, everyMs, comesAndGoes = false }: Changing): Promise<string> {
    const registrations = this.#byService.get(service) ?? [];
    const asked: Promise<unknown>[] = [];
    const start = performance.now();
    let sentAt = '';
    for (let i = 0; i < count; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one falls due after another
      await new Promise((resolve) => setTimeout(resolve, start + i * everyMs - performance.now()));
      sentAt = String(machineMs());
      if (comesAndGoes) {
        // oxlint-disable-next-line no-await-in-loop -- it must be gone before it comes
        await this.#comeOrGo(service, registrations, sentAt);
        continue;
      }
      const registration = registrations[i % registrations.length];
      if (!registration) throw new Error(`nobody of ${service} is listed here`);
      const { metadata } = registration.instance;
      asked.push(registration.update({ metadata: { ...metadata, sentAt } }, { timeoutMs: WAIT_MS }));
    }
    await Promise.all(asked);
    return sentAt;
  }

  async #comeOrGo(service: string, registrations: Registration[], sentAt: string): Promise<void> {
    const [first] = registrations;
    if (!first) throw new Error(`nobody of ${service} is listed here`);
    if (first.state !== 'deregistered') return await first.deregister();
    const { metadata } = first.instance;
    const registration = this.#registry.register({ ...first.instance, metadata: { ...metadata, sentAt } });
    registrations[0] = registration;
    await registration.listed({ timeoutMs: WAIT_MS });
  }
}
