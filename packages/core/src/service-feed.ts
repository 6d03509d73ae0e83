import type { InstanceList, SkippedEntry, WatchEvent } from './adapter.ts';
import type { ListSource } from './admitted-source.ts';
import { sleep, type Clock, type Random } from './clock.ts';
import { createController, linkSignals, withDeadline, type LinkedController } from './deadline.ts';
import type { DiskSnapshots } from './disk-snapshots.ts';
import { RegistryError, type RegistryErrorCode } from './errors.ts';
import type { Events } from './events.ts';
import { fullJitter, jittered, type BackoffOptions } from './full-jitter.ts';
import { serviceName } from './guarded-adapter.ts';
import type { ServiceInstance, ServiceKey } from './instance.ts';
import { InstanceTable } from './instance-table.ts';
import { createSnapshot, type Snapshot } from './snapshot.ts';

/** Against lists that shrink by mistake. */
export interface ProtectionOptions {
  /** A list that keeps less than this share of what was known is held. 0 to 1. */
  readonly minShare: number;
  /** For how long, in milliseconds, before a second look decides. */
  readonly holdMs: number;
}

export interface FeedOptions {
  readonly adapter: ListSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  /** `poll` also where the adapter can watch. */
  readonly mode: 'watch' | 'poll';
  readonly pollIntervalMs: number;
  readonly relistIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly backoff: BackoffOptions;
  readonly protection: ProtectionOptions | false;
  /** How long a list may be handed out while the registry can't be reached. `undefined`: for ever. */
  readonly maxStaleMs: number | undefined;
  readonly disk: DiskSnapshots | undefined;
}

/** Where a feed stands: nothing known yet, following the registry, or holding on to the last good list. */
export type FeedStatus = 'connecting' | 'live' | 'stale';

/** The registry gets this long to answer before a list from disk is used, in milliseconds. */
const DISK_GRACE_MS = 50;

/** Who waited in vain for a first list waits this much longer for the one from disk, in milliseconds. */
const DISK_LATE_MS = 1_000;

/** Failures that may pass while one waits for a first list. */
const PASSING: ReadonlySet<RegistryErrorCode> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'PROTOCOL',
  'LEASE_LOST',
]);

/** A list is saved at most this often, in milliseconds. */
const SAVE_INTERVAL_MS = 1_000;

/** The share by which periods are spread. */
const SPREAD = 0.2;

/**
 * Follows one service for the whole process: one watch (or poll), one table, one current snapshot.
 *
 * What the registry tells goes into a table; a snapshot of it is published once per turn of the event loop, however
 * many changes came in it. A relist never writes to the table: it checks it, and on a difference starts the watch
 * anew, so that there is one source of truth and no race between two.
 */
export class ServiceFeed {
  // These three come first: every read touches them, and so they lie side by side.
  /** Counts every read; the directory evicts feeds where it stands still. */
  lookups = 1;
  /** As `#stop.signal.aborted`, which is too slow to ask on every read. */
  #stopped = false;
  #snapshot: Snapshot | undefined;

  /** As many as there were when the directory last looked. */
  lookupsSeen = 0;
  readonly #key: ServiceKey;
  readonly #options: FeedOptions;
  readonly #stop = createController();
  readonly #diskRead: Promise<void>;
  readonly #ran: Promise<unknown>;

  /** What readers get: what the registry told last, and {@link #held}. */
  readonly #visible = new InstanceTable();
  /** Ids in {@link #visible} that the registry dropped all at once, and that are kept until a second look. */
  readonly #held = new Set<string>();
  #cancelHold: (() => void) | undefined;
  /** Until then, who leaves without a word is held: the registry, or those listed in it, are just coming back. */
  #doubtUntil = Number.NEGATIVE_INFINITY;

  #version = 0;
  #revision: string | undefined;
  #fromRegistry = false;
  #confirmedAt = 0;
  /** Counts what the watch told, so that a relist knows whether something came meanwhile. */
  #heard = 0;
  #status: FeedStatus = 'connecting';
  #error: RegistryError | undefined;
  #cancelExpiry: (() => void) | undefined;
  #watch: LinkedController | undefined;

  #dirty = false;
  #flushing = false;
  readonly #subscribers = new Set<(snapshot: Snapshot) => void>();
  readonly #waiters = new Set<() => void>();
  #skipped: ReadonlyMap<string, string> = new Map();

  #saving: Promise<void> | undefined;
  #saveDue = false;

  constructor(key: ServiceKey, options: FeedOptions) {
    this.#key = key;
    this.#options = options;
    this.#diskRead = this.#readDisk();
    this.#ran = Promise.all([this.#follow(), this.#check(), this.#diskRead]);
  }

  get key(): ServiceKey {
    return this.#key;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get status(): FeedStatus {
    return this.#status;
  }

  /** Why the list isn't live. */
  get error(): RegistryError | undefined {
    return this.#error;
  }

  /** What can't be read now: where it stands, and why. */
  get skipped(): ReadonlyMap<string, string> {
    return this.#skipped;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get subscribed(): boolean {
    return this.#subscribers.size > 0 || this.#waiters.size > 0;
  }

  /** Resolves with the current snapshot, or with the first. */
  load(timeoutMs: number, signal: AbortSignal | undefined): Promise<Snapshot> {
    if (this.#snapshot) return Promise.resolve(this.#snapshot);
    const { clock, adapter } = this.#options;
    const doing = `${adapter.type}: first list of ${serviceName(this.#key)}`;
    let waiter = (): void => {};
    return withDeadline(
      { clock, timeoutMs, doing, signals: [signal, this.#stop.signal] },
      () =>
        new Promise<Snapshot>((resolve, reject) => {
          waiter = () => {
            if (this.#snapshot) resolve(this.#snapshot);
            else if (this.#error && !this.#options.disk && !PASSING.has(this.#error.code))
              reject(this.#error);
          };
          this.#waiters.add(waiter);
        }),
    )
      .catch(async (error: RegistryError) => {
        if (error.code !== 'DEADLINE_EXCEEDED' || signal?.aborted) throw error;
        // A process that stood still, as a starting one does, finds its deadline passed before it could look there.
        await this.#untilDiskRead(doing, signal);
        if (this.#snapshot) return this.#snapshot;
        if (!this.#error) throw error;
        throw new RegistryError(this.#error.code, `${doing}: ${this.#error.message}`, { cause: this.#error });
      })
      .finally(() => this.#waiters.delete(waiter));
  }

  /** @throws {RegistryError} when a signal ends the wait. */
  async #untilDiskRead(doing: string, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#options;
    const signals = [signal, this.#stop.signal];
    await withDeadline({ clock, timeoutMs: DISK_LATE_MS, doing, signals }, () => this.#diskRead).catch(
      (error: RegistryError) => {
        if (error.code !== 'DEADLINE_EXCEEDED') throw error;
      },
    );
  }

  /** Calls the listener soon with the current snapshot, and then with the newest after each change. */
  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    this.#subscribers.add(listener);
    if (this.#snapshot) {
      setImmediate(() => {
        if (this.#subscribers.has(listener) && this.#snapshot) this.#tell(listener, this.#snapshot);
      });
    }
    return () => this.#subscribers.delete(listener);
  }

  async stop(reason: RegistryError): Promise<void> {
    if (this.stopped) return;
    this.#stopped = true;
    this.#stop.abort(reason);
    this.#watch?.controller.abort(reason);
    this.#cancelHold?.();
    this.#cancelExpiry?.();
    this.#subscribers.clear();
    await this.#ran;
    await this.#saving;
  }

  /** Follows the registry until stopped. */
  async #follow(): Promise<void> {
    const { adapter, clock, random, backoff, mode } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      const heardBefore = this.#heard;
      try {
        if (mode === 'watch' && adapter.canWatch) await this.#followWatch();
        else await this.#followPoll();
      } catch (error) {
        if (signal.aborted) return;
        // A resync that we asked for is no failure; anything else is an outage until the next good list.
        if (this.#watch?.signal.aborted) {
          failures = 0;
          continue;
        }
        failures = this.#heard > heardBefore ? 1 : failures + 1;
        this.#lostTouch(error as RegistryError);
        await sleep(clock, fullJitter(failures - 1, backoff, random), signal).catch(() => {});
      }
    }
  }

  async #followWatch(): Promise<void> {
    const link = linkSignals(this.#stop.signal);
    this.#watch = link;
    try {
      await this.#options.adapter.watch(this.#key, link.signal, (event) => this.#apply(event));
    } finally {
      link.release();
    }
  }

  async #followPoll(): Promise<never> {
    const { adapter, clock, random, pollIntervalMs } = this.#options;
    const { signal } = this.#stop;
    this.#watch = undefined;
    for (;;) {
      this.#apply({ kind: 'list', ...(await adapter.discover(this.#key, signal)) });
      await sleep(clock, jittered(pollIntervalMs, SPREAD, random), signal);
    }
  }

  /** Looks now and then whether the watch told everything: real ones lose events. */
  async #check(): Promise<void> {
    const { clock, random, relistIntervalMs } = this.#options;
    const { signal } = this.#stop;
    try {
      for (;;) {
        await sleep(clock, jittered(relistIntervalMs, SPREAD, random), signal);
        if (this.#status === 'live' && this.#watch) await this.#compare();
      }
    } catch {
      // Stopped.
    }
  }

  /** One second look. It says nothing when the watch told something meanwhile. */
  async #compare(): Promise<void> {
    const heard = this.#heard;
    const lookedAt = this.#options.clock.now();
    let list: InstanceList;
    try {
      list = await this.#options.adapter.discover(this.#key, this.#stop.signal);
    } catch (error) {
      if (!this.stopped)
        this.#resync(`the registry didn't answer a second look: ${(error as RegistryError).message}`);
      return;
    }
    if (this.#heard !== heard || this.stopped) return;
    if (this.#visible.equals(list.instances, this.#held)) {
      this.#confirmedAt = lookedAt;
      this.#renewSnapshot();
    } else {
      this.#resync('a second look differs from what the watch told');
    }
  }

  #resync(reason: string): void {
    if (!this.#watch || this.#watch.signal.aborted) return;
    this.#options.events.emit({ type: 'resync', service: this.#key, reason });
    this.#watch.controller.abort(new RegistryError('ABORTED', reason));
  }

  #apply(event: WatchEvent): void {
    const { clock, protection } = this.#options;
    this.#heard++;
    this.#confirmedAt = clock.now();
    if (protection !== false && this.#status !== 'live' && this.#visible.size > 0)
      this.#doubtUntil = clock.now() + protection.holdMs;
    this.#revision = event.revision;
    if (event.kind === 'list') this.#applyList(event.instances);
    else this.#applyDelta(event.put, event.removed);
    this.#reportSkipped(event.skipped, event.kind);
    this.#fromRegistry = true;
    this.#becomeLive();
    this.#publishSoon();
  }

  #applyDelta(put: readonly ServiceInstance[], removed: readonly string[]): void {
    for (const instance of put) this.#put(instance);
    if (removed.length > 0) this.#leave(removed, this.#isInDoubt());
  }

  #applyList(instances: readonly ServiceInstance[]): void {
    const ids = new Set<string>();
    for (const instance of instances) {
      ids.add(instance.id);
      this.#put(instance);
    }
    const gone = [...this.#visible.ids()].filter((id) => !ids.has(id));
    if (gone.length === 0) return;
    const silent = gone.filter((id) => this.#isSilent(id)).length;
    this.#leave(gone, this.#isInDoubt() || this.#isSuspicious(ids.size, ids.size + silent));
  }

  /** Takes these off; who left without a word is held instead, where that is doubtful. */
  #leave(ids: readonly string[], isDoubtful: boolean): void {
    const held = isDoubtful ? ids.filter((id) => this.#isSilent(id)) : [];
    if (held.length > 0) this.#hold(held);
    for (const id of ids) if (!isDoubtful || !this.#isSilent(id)) this.#drop(id);
  }

  /** Who said `OUT_OF_SERVICE` before they left did so on purpose; the others left without a word. */
  #isSilent(id: string): boolean {
    const known = this.#visible.get(id);
    return known !== undefined && known.status !== 'OUT_OF_SERVICE';
  }

  #isInDoubt(): boolean {
    return this.#options.clock.now() < this.#doubtUntil;
  }

  #put(instance: ServiceInstance): void {
    if (this.#visible.put(instance)) this.#dirty = true;
    if (this.#held.size > 0 && this.#held.delete(instance.id)) this.#dirty = true;
  }

  #drop(id: string): void {
    this.#held.delete(id);
    if (this.#visible.remove(id)) this.#dirty = true;
  }

  /** Whether so few are listed now of how many there would be, had nobody left without a word. */
  #isSuspicious(listed: number, expected: number): boolean {
    const { protection } = this.#options;
    return protection !== false && listed < expected * protection.minShare;
  }

  /** Keeps these although the registry dropped them; the hold that runs already isn't made longer. */
  #hold(ids: readonly string[]): void {
    const { protection, events } = this.#options;
    if (protection === false) return;
    const heldBefore = this.#held.size;
    for (const id of ids) this.#held.add(id);
    if (this.#held.size > heldBefore) this.#dirty = true;
    if (this.#cancelHold) return;
    events.emit({ type: 'list-held', service: this.#key, held: ids.length, holdMs: protection.holdMs });
    this.#holdFor(protection.holdMs);
  }

  #holdFor(holdMs: number): void {
    this.#cancelHold = this.#options.clock.after(holdMs, () => {
      void this.#decide(holdMs).catch(() => {});
    });
  }

  /** The hold is over: a second look decides. While the registry can't say, the last good list stays. */
  async #decide(holdMs: number): Promise<void> {
    const { adapter, events } = this.#options;
    this.#cancelHold = undefined;
    const held = this.#held.size;
    if (held === 0) return;
    let ids: ReadonlySet<string>;
    try {
      const { instances } = await adapter.discover(this.#key, this.#stop.signal);
      ids = new Set(instances.map(({ id }) => id));
    } catch {
      if (!this.stopped) this.#holdFor(holdMs);
      return;
    }
    if (this.stopped) return;
    const back = [...this.#held].filter((id) => ids.has(id));
    for (const id of [...this.#held]) if (!ids.has(id)) this.#drop(id);
    events.emit({ type: 'list-released', service: this.#key, held, believed: back.length === 0 });
    if (back.length > 0) {
      this.#resync('instances that the watch dropped are listed after all');
      this.#holdFor(holdMs);
    }
    this.#dirty = true;
    this.#publishSoon();
  }

  #becomeLive(): void {
    if (this.#status === 'live') return;
    this.#status = 'live';
    this.#error = undefined;
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
    // A list that expired comes back even when it is what it was.
    if (!this.#snapshot) this.#dirty = true;
    this.#options.events.emit({
      type: 'list-live',
      service: this.#key,
      instances: this.#visible.size - this.#held.size,
    });
  }

  #lostTouch(error: RegistryError): void {
    this.#error = error;
    for (const waiter of this.#waiters) waiter();
    if (this.#status === 'stale') return;
    this.#status = 'stale';
    const { clock, events, maxStaleMs } = this.#options;
    events.emit({ type: 'list-stale', service: this.#key, error });
    if (maxStaleMs === undefined) return;
    this.#cancelExpiry = clock.after(maxStaleMs, () => {
      this.#snapshot = undefined;
      events.emit({ type: 'list-expired', service: this.#key, staleMs: maxStaleMs });
    });
  }

  /** A list says all that can't be read, a delta only what changed. */
  #reportSkipped(skipped: readonly SkippedEntry[], kind: WatchEvent['kind']): void {
    if (skipped.length === 0 && (kind === 'delta' || this.#skipped.size === 0)) return;
    for (const entry of skipped) {
      if (this.#skipped.get(entry.key) === entry.reason) continue;
      this.#options.events.emit({ type: 'entry-skipped', service: this.#key, entry });
    }
    const before = kind === 'delta' ? this.#skipped : [];
    this.#skipped = new Map([...before, ...skipped.map(({ key, reason }) => [key, reason] as const)]);
  }

  /** Publishes once for all that this turn of the event loop brings. */
  #publishSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (!this.stopped) this.#publish();
    });
  }

  #publish(): void {
    if (!this.#dirty && this.#snapshot) {
      this.#renewSnapshot();
      return;
    }
    this.#dirty = false;
    this.#version++;
    this.#snapshot = this.#makeSnapshot(this.#visible.toList());
    for (const waiter of this.#waiters) waiter();
    for (const listener of this.#subscribers) this.#tell(listener, this.#snapshot);
    this.#saveSoon();
  }

  /** The same list, confirmed anew: nobody needs to be told, but its age starts again. */
  #renewSnapshot(): void {
    if (this.#snapshot) this.#snapshot = this.#makeSnapshot(this.#snapshot.instances);
  }

  #makeSnapshot(instances: readonly ServiceInstance[]): Snapshot {
    const source = !this.#fromRegistry ? 'disk' : this.#held.size > 0 ? 'held' : 'registry';
    const fields = {
      ...this.#key,
      instances,
      source,
      version: this.#version,
      revision: this.#revision,
    } as const;
    return createSnapshot(fields, this.#confirmedAt, this.#options.clock);
  }

  #tell(listener: (snapshot: Snapshot) => void, snapshot: Snapshot): void {
    try {
      listener(snapshot);
    } catch (error) {
      this.#options.events.emit({ type: 'subscriber-failed', service: this.#key, error });
    }
  }

  /** Uses the saved list, if the registry doesn't answer soon. */
  async #readDisk(): Promise<void> {
    const { disk, clock, events } = this.#options;
    if (!disk) return;
    try {
      const [saved] = await Promise.all([
        disk.load(this.#key),
        sleep(clock, DISK_GRACE_MS, this.#stop.signal),
      ]);
      if (!saved || this.#fromRegistry || this.stopped) return;
      for (const instance of saved.instances) this.#visible.put(instance);
      this.#confirmedAt = clock.now() - Math.max(0, clock.wallNow() - saved.savedAt);
      this.#dirty = true;
      events.emit({ type: 'disk', service: this.#key, instances: saved.instances.length });
      this.#publish();
    } catch (error) {
      if (!this.stopped) events.emit({ type: 'disk', service: this.#key, error: error as RegistryError });
    }
  }

  /** Saves a list that the registry told and that isn't in doubt, at most once a second. */
  #saveSoon(): void {
    const { disk } = this.#options;
    if (!disk || this.#snapshot?.source !== 'registry') return;
    this.#saveDue = true;
    this.#saving ??= this.#save(disk).finally(() => (this.#saving = undefined));
  }

  async #save(disk: DiskSnapshots): Promise<void> {
    const { clock, events } = this.#options;
    while (this.#saveDue) {
      this.#saveDue = false;
      try {
        await disk.save(this.#key, { instances: this.#visible.toList(this.#held), savedAt: clock.wallNow() });
      } catch (error) {
        events.emit({ type: 'disk', service: this.#key, error: error as RegistryError });
      }
      await sleep(clock, SAVE_INTERVAL_MS, this.#stop.signal).catch(() => {});
    }
  }
}
