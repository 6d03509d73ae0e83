import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bound, healthyAgeMs } from './bound.ts';
import { CountingProxy } from './counting-proxy.ts';
import { Front } from './front.ts';
import type { Evidence, ReaderPromise } from './judge.ts';
import { machineNow } from './machine-clock.ts';
import { Participant } from './participant.ts';
import type { Reading } from './protocol.ts';
import type { Operator, Power, RegistryKind, RegistryUnderTest } from './registry-kind.ts';
import type { Settings } from './settings.ts';
import { Turns } from './turns.ts';

export interface JoinOptions {
  /** The id, or ids, to be listed under. Left out: not registered. */
  readonly registers?: string | readonly string[];
  /** The service that it registers in or reads. Defaults to the stage's. */
  readonly service?: string;
  /** Whether it reads the list, all the time; and what this reader is promised, in words that the judge checks. */
  readonly reads?: boolean | ReaderPromise;
  /** Reaches the registry through the proxy, or at this port. */
  readonly proxied?: boolean | number;
  /** How many registry handles it has; see `Plan.handles`. Defaults to 1. */
  readonly handles?: number;
  /** Keeps lists on disk, in a folder that all who say so share. */
  readonly disk?: boolean;
}

export interface FaultPlan {
  begin(): Promise<void> | void;
  /** What happens meanwhile, before `lastsMs` counts. */
  during?(): Promise<void>;
  /** Milliseconds. Left out with a fault that is over at once. */
  readonly lastsMs?: number;
  end?(): Promise<void> | void;
}

/** A figure that a fault counts. */
export interface Counted {
  /** In words, with its bound if it has one. */
  readonly what: string;
  readonly figure: string;
}

/** The address of an instance is its own: some registries know it by that. Nobody listens there. */
const FIRST_PORT = 10_000;
const PORTS_EACH = 500;

/** Until processes have started and found each other on a busy machine, in milliseconds. */
export const SETTLE_WITHIN_MS = 90_000;
/** All is well for this long before a fault begins, in milliseconds: no entry is so young that it isn't missed yet. */
const CALM_MS = 2_000;
/** That is how old an entry must be, on top of what the registry takes to show it, in milliseconds. */
const MISSED_AFTER_MS = 1_500;
/** How often the operator looks, in milliseconds. */
const LOOK_MS = 100;
/** An operator's look during a quiet time takes a process each; this is between two, in milliseconds. */
const CALM_LOOK_MS = 500;

/** Each server that starts takes a core for itself, and others that are being judged would answer late. */
const STARTS = new Turns(2);

/** Everything that one scenario plays with, and the record of it. */
export class Stage {
  readonly kind: RegistryKind;
  readonly settings: Settings;
  readonly service = 'user-service';
  readonly registry: RegistryUnderTest;
  readonly proxy: Front;
  readonly #folder: string;
  readonly #bound: Bound;
  readonly #progress: (line: string) => void;
  readonly #participants: { readonly it: Participant; readonly promise: ReaderPromise | undefined }[] = [];
  readonly #unmet: string[] = [];
  readonly #counted: Counted[] = [];
  readonly #helpers: { stop(): Promise<void> | void }[] = [];
  #faultFrom: number | undefined;
  #mendFrom: number | undefined;
  #faultTo: number | undefined;
  #healedAt: number | undefined;
  #healedIds: readonly string[] = [];
  #endedAt: number | undefined;

  static async open(
    kind: RegistryKind,
    options: {
      readonly nodes: 1 | 3;
      readonly needs: readonly Power[];
      readonly settings: Settings;
      readonly bound: Bound;
      readonly progress: (line: string) => void;
    },
  ): Promise<Stage> {
    const registry = await STARTS.run(() => kind.start(options));
    const proxy = await Front.open(
      registry.port,
      kind.ports.map(({ offset }) => offset),
    );
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-faults-'));
    return new Stage(kind, registry, proxy, folder, options);
  }

  private constructor(
    kind: RegistryKind,
    registry: RegistryUnderTest,
    proxy: Front,
    folder: string,
    options: {
      readonly settings: Settings;
      readonly bound: Bound;
      readonly progress: (line: string) => void;
    },
  ) {
    this.kind = kind;
    this.registry = registry;
    this.proxy = proxy;
    this.settings = options.settings;
    this.#folder = folder;
    this.#bound = options.bound;
    this.#progress = options.progress;
  }

  /** Starts a process. It has its own registry handle and is configured as users do it. */
  join(name: string, options: JoinOptions): Participant {
    const { registers = [], service = this.service, reads = false, disk = false, handles = 1 } = options;
    const { proxied = false } = options;
    const port = proxied === true ? this.proxy.port : proxied === false ? undefined : proxied;
    const { ttlMs, verifyIntervalMs, relistIntervalMs, requestTimeoutMs, holdMs, backoff } = this.settings;
    const it = new Participant(name, {
      service,
      registers: typeof registers === 'string' ? [registers] : registers,
      reads: reads !== false,
      handles,
      firstPort: FIRST_PORT + PORTS_EACH * this.#participants.length,
      config: {
        registry: { ...this.registry.client(port, handles > 1), requestTimeoutMs },
        registration: { ttlMs, verifyIntervalMs },
        discovery: {
          relistIntervalMs,
          protection: { holdMs },
          ...(disk && { snapshotDir: this.#folder }),
        },
        backoff,
        // A thousand would write more than anybody reads.
        log: { level: handles === 1 ? 'debug' : 'silent' },
      },
    });
    this.#participants.push({ it, promise: typeof reads === 'object' ? reads : undefined });
    return it;
  }

  /** Waits until these are listed and all readers follow them, and then until that was so for a while. */
  async settled(ids: readonly string[], withinMs = SETTLE_WITHIN_MS): Promise<void> {
    await this.#agreeOn(ids, withinMs, machineNow());
    await pause(Math.max(CALM_MS, this.kind.seenMs + MISSED_AFTER_MS));
  }

  /** Lets the fault begin, last and end. */
  async fault(plan: FaultPlan): Promise<void> {
    const { lastsMs = 0 } = plan;
    this.#progress('the fault begins');
    await plan.begin();
    this.#faultFrom = machineNow();
    await plan.during?.();
    if (lastsMs > 0) {
      this.#progress(`it lasts ${lastsMs / 1_000} s`);
      await pause(lastsMs);
    }
    this.#mendFrom = machineNow();
    await plan.end?.();
    this.#faultTo = machineNow();
    this.#progress('it is over');
  }

  /** Waits until these, and no others, are listed, and all readers follow them again. */
  async healed(ids: readonly string[]): Promise<void> {
    // Longer than the bound, so that the table can say how late it was.
    this.#healedIds = ids;
    const faultTo = this.#faultTo ?? machineNow();
    // What came back may have confirmed a list before the operator knew that it serves.
    await this.#agreeOn(ids, this.#bound.ms * 1.5 + 2_000, this.#mendFrom ?? faultTo);
    this.#healedAt = machineNow();
    this.#progress(`healed after ${((this.#healedAt - faultTo) / 1_000).toFixed(1)} s`);
  }

  /** How many of that service the registry lists, once it is so many or the bound is over: what it tells from a cache comes late. */
  async listedInTime(service: string, wanted: number): Promise<number> {
    const end = (this.#faultTo ?? machineNow()) + this.#bound.ms;
    for (;;) {
      const { length } = await this.registry.listed(service);
      if (length === wanted || machineNow() >= end) return length;
      await pause(LOOK_MS);
    }
  }

  /** Looks on for as long as an entry could outlive its last beat: what is only left over is found out. */
  async staysHealed(): Promise<void> {
    const end = machineNow() + this.settings.ttlMs + this.kind.crashSlackMs;
    // What a registry tells from a cache may be from before it was healed: of the same instance by its former lease.
    await pause(this.kind.seenMs);
    while (machineNow() < end) {
      const listed = await this.registry.listed(this.service);
      if (!sameIds(listed, this.#healedIds))
        this.expect(
          false,
          `after it was healed the registry listed [${listed.join()}], not [${this.#healedIds.join()}]`,
        );
      await pause(CALM_LOOK_MS);
    }
    this.#endedAt = machineNow();
  }

  /** Closes every registry handle; each process must then end by itself. */
  async close(): Promise<void> {
    await Promise.all(this.#participants.map(({ it }) => it.close()));
  }

  /** Ends whatever is left of it all. */
  async dispose(): Promise<void> {
    await Promise.all(this.#participants.map(({ it }) => it.kill()));
    for (const helper of this.#helpers) await helper.stop();
    await this.proxy.stop();
    await this.registry.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Another registry, with the same users and nothing listed. */
  async startTwin(): Promise<{ readonly port: number }> {
    const twin = await this.registry.startTwin();
    this.#helpers.push(twin);
    return twin;
  }

  /** A proxy in front of the first server that counts what clients do. */
  async countClients(): Promise<CountingProxy> {
    const proxy = await CountingProxy.open(this.registry.port, this.kind.ports);
    this.#helpers.push(proxy);
    return proxy;
  }

  /** What an operator can do; the scenario has said that it needs it. */
  operator<Act extends keyof Operator>(power: Act): Operator[Act] {
    const act = this.registry.operator[power];
    if (!act) throw new Error(`${this.kind.type} has no ${power}: say so in the scenario's needs`);
    return act;
  }

  /** People want to see these figures, beside how long it took. */
  count(...figures: readonly Counted[]): void {
    this.#counted.push(...figures);
    for (const { what, figure } of figures) this.#progress(`${what}: ${figure}`);
  }

  get counted(): readonly Counted[] {
    return this.#counted;
  }

  /** When the fault began, when its end began, and when it was over. */
  get times(): { readonly faultFrom: number; readonly mendFrom: number; readonly faultTo: number } {
    const [faultFrom, mendFrom, faultTo] = [this.#faultFrom ?? 0, this.#mendFrom ?? 0, this.#faultTo ?? 0];
    return { faultFrom, mendFrom, faultTo };
  }

  /** A promise of one scenario alone. One that isn't kept is a failure, and the scenario goes on. */
  expect(isKept: boolean, promise: string): void {
    if (!isKept) this.#unmet.push(promise);
  }

  get healedInMs(): number | undefined {
    if (this.#healedAt === undefined || this.#faultTo === undefined) return undefined;
    return this.#healedAt - this.#faultTo;
  }

  get evidence(): Evidence {
    return {
      faultFrom: this.#faultFrom,
      mendFrom: this.#mendFrom,
      healedAt: this.#healedAt,
      endedAt: this.#endedAt,
      healedInMs: this.healedInMs,
      healedIds: this.#healedIds,
      boundMs: this.#bound.ms,
      healthyAgeMs: healthyAgeMs(this.settings),
      seenMs: this.kind.seenMs,
      unmet: this.#unmet,
      secrets: this.registry.secrets,
      processes: this.#participants.map(({ it, promise }) => ({
        name: it.name,
        promise,
        readings: it.readings,
        troubles: it.troubles,
        utterances: it.utterances,
      })),
    };
  }

  /** What all processes told, in order, in seconds from the beginning of the fault. */
  get trace(): string {
    const zero = this.#faultFrom ?? 0;
    return this.#participants
      .flatMap(({ it }) => it.trace.map(({ at, line }) => ({ at, line: `${it.name}: ${line}` })))
      .toSorted((a, b) => a.at - b.at)
      .map(({ at, line }) => `${((at - zero) / 1_000).toFixed(2).padStart(8)} ${line}`)
      .join('\n');
  }

  /** The registry lists these, who registered them know it, and readers follow a list that was confirmed since. */
  async #agreeOn(ids: readonly string[], withinMs: number, since: number): Promise<void> {
    const deadline = machineNow() + withinMs;
    const left = () => Math.max(0, deadline - machineNow());
    const what = `[${ids.join()}] to be listed`;
    // What it listed before the others agreed may be from before the fault.
    do {
      await this.#lists(ids, left, withinMs);
      await Promise.all(
        this.#participants
          .filter(({ it }) => !it.isClosed)
          .map(({ it }) =>
            it.until(what, left(), () => {
              const { latest } = it;
              return latest && agrees(latest, ids, since) ? latest : undefined;
            }),
          ),
      );
    } while (!sameIds(await this.#look(), ids));
  }

  async #lists(ids: readonly string[], left: () => number, withinMs: number): Promise<void> {
    for (;;) {
      const listed = await this.#look();
      if (sameIds(listed, ids)) return;
      if (left() === 0)
        throw new Error(
          `the registry listed [${listed.join()}] after ${Math.round(withinMs)} ms, not [${ids.join()}]`,
        );
      await pause(LOOK_MS);
    }
  }

  /** A registry that doesn't serve yet can't say. */
  async #look(): Promise<readonly string[]> {
    return await this.registry.listed(this.service).catch((error: unknown) => [String(error)]);
  }
}

function agrees({ at, status, list, registration }: Reading, ids: readonly string[], since: number): boolean {
  if (registration !== undefined && registration !== 'registered') return false;
  if (status === undefined) return true;
  return (
    status === 'live' && list?.source === 'registry' && at - list.ageMs >= since && sameIds(list.ids, ids)
  );
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
