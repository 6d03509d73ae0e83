import type { InstanceOverride, Lease } from './adapter.ts';
import { sleep, type Clock, type Random } from './clock.ts';
import { orAbort, withDeadline } from './deadline.ts';
import { RegistryError, toRegistryError } from './errors.ts';
import type { Events } from './events.ts';
import { fullJitter, type BackoffOptions } from './full-jitter.ts';
import { instanceName, type GuardedAdapter } from './guarded-adapter.ts';
import { defineInstance, type InstanceSpec, type ServiceInstance } from './instance.ts';
import type { LeaseHolder, LeaseKeeper } from './lease-keeper.ts';
import type { SharedLooks } from './shared-looks.ts';
import type { Mutable } from './mutable.ts';
import type { Slots } from './slots.ts';

/**
 * Where one registration stands.
 *
 * | state | means | goes on to |
 * |---|---|---|
 * | `waiting` | not ready yet, so not listed | `registering` when ready, `draining`, `released` |
 * | `registering` | wants to be listed; tried until it is | `registered`, `draining`, `released` |
 * | `registered` | the registry has it; beats keep it | `lost`, `draining`, `released` |
 * | `lost` | the lease or the entry is gone | `registering`, `draining`, `released` |
 * | `draining` | being taken off; from here on nothing is ever written | `deregistered` |
 * | `deregistered` | the end | |
 * | `released` | the end: another process keeps it listed | |
 */
export type RegistrationState =
  | 'waiting'
  | 'registering'
  | 'registered'
  | 'lost'
  | 'draining'
  | 'deregistered'
  | 'released';

const MOVES: Readonly<Record<RegistrationState, readonly RegistrationState[]>> = {
  waiting: ['registering', 'draining', 'released'],
  registering: ['registered', 'draining', 'released'],
  registered: ['lost', 'draining', 'released'],
  lost: ['registering', 'draining', 'released'],
  draining: ['deregistered'],
  deregistered: [],
  released: [],
};

/** What may change while an instance is listed. */
export type InstanceChange = Omit<Partial<InstanceSpec>, 'service' | 'namespace' | 'id' | 'host' | 'port'>;

export interface WaitOptions {
  /** Gives up the wait, not the work behind it. */
  readonly signal?: AbortSignal;
  /** In milliseconds. Defaults to 30 000. */
  readonly timeoutMs?: number;
}

const DEFAULT_WAIT_MS = 30_000;

/** Between two looks whether a deregistered instance has left the list, in milliseconds: at least and at most. */
const CONFIRM_PAUSE_MS = { min: 25, max: 1_000 };

/** A write that got no answer may take effect so much later, in milliseconds, also after one that was answered. */
const LATE_WRITE_MS = 1_000;

/** What a registration needs of its registrar. */
export interface RegistrationParts {
  readonly adapter: GuardedAdapter;
  readonly leases: LeaseKeeper;
  readonly looks: SharedLooks;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly ttlMs: number;
  readonly backoff: BackoffOptions;
}

/**
 * One instance that this process wants listed, and the work of keeping it so: it is put again after whatever took
 * it off, for as long as it is wanted, and never again once it isn't.
 */
export class Registration implements LeaseHolder {
  readonly #parts: RegistrationParts;
  readonly #ready: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Aborts when the instance is no longer wanted: from then on nothing is written. */
  readonly #fence = new AbortController();
  /** Aborts when no further call is to be made for it, though one under way may end. */
  readonly #ended = new AbortController();
  /** Aborts when all work on it must end at once. */
  readonly #stopped = new AbortController();
  readonly #ran: Promise<void>;

  #state: RegistrationState = 'waiting';
  #desired: ServiceInstance;
  /** What the registry has, as far as we know. */
  #written: ServiceInstance | undefined;
  /** What an operator made of it, as a look showed: kept in all that is written. */
  #override: InstanceOverride = {};
  /** What the registry took last. */
  #accepted: ServiceInstance | undefined;
  #registeredAt = 0;
  #lease: Lease | undefined;
  /** How many beats in a row had no answer when the lease was given up. */
  #unanswered = 0;
  /** Whether a write was ever sent, and whether the last one may have taken effect, or may yet. */
  #sent = false;
  #outcomeUnknown = false;
  /** Until then an earlier write, that got no answer, may yet take effect. */
  #lateUntil = Number.NEGATIVE_INFINITY;
  /** Why the last attempt failed; `undefined` once one succeeds. */
  #failure: RegistryError | undefined;
  #wake: () => void = () => {};
  readonly #waiters = new Set<() => void>();
  #takingOff: Promise<void> | undefined;
  /** An earlier registration of the same id that hasn't let go yet. */
  #before: Registration | undefined;

  /**
   * @param instance what to list.
   * @param ready resolves when it may be listed. Left out: at once.
   * @param before an earlier registration of the same id, which must have let go first.
   */
  constructor(
    parts: RegistrationParts,
    instance: ServiceInstance,
    ready: ((signal: AbortSignal) => Promise<void>) | undefined,
    before: Registration | undefined,
  ) {
    this.#parts = parts;
    this.#desired = instance;
    this.#ready = ready;
    this.#before = before;
    this.#ran = this.#run();
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** What should be listed: the newest update, written or not. */
  get instance(): ServiceInstance {
    return this.#desired;
  }

  /** Why it isn't listed, while the last attempt failed. */
  get error(): RegistryError | undefined {
    return this.#failure;
  }

  /**
   * Resolves once the registry has the newest of what was asked.
   *
   * @throws {RegistryError} the reason, when the registry refuses the instance for good; `CLOSED` when it is no
   * longer wanted; `DEADLINE_EXCEEDED` or `ABORTED` when the wait ends first. The registration goes on trying.
   */
  listed(options: WaitOptions = {}): Promise<void> {
    const wanted = this.#desired;
    return this.#until(`list ${instanceName(wanted)}`, options, () => {
      if (this.#fence.signal.aborted) throw this.#gone();
      if (this.#failure && !this.#failure.retryable) throw this.#failure;
      return this.#state === 'registered' && this.#written === this.#desired;
    });
  }

  /**
   * Changes what is listed, in place. The newest change wins; changes that come faster than the registry takes
   * them are written as one.
   *
   * @returns when the registry has it, as {@link listed}.
   * @throws {RegistryError} `INVALID_ARGUMENT` at once for a bad change, which then changes nothing.
   */
  update(change: InstanceChange, options: WaitOptions = {}): Promise<void> {
    if (this.#fence.signal.aborted) return Promise.reject(this.#gone());
    try {
      const { service, namespace, id, host, port } = this.#desired;
      this.#desired = defineInstance({ ...this.#desired, ...change, service, namespace, id, host, port });
    } catch (error) {
      return Promise.reject(error);
    }
    // What the owner says itself is newer than what an operator said.
    this.#override = withoutFields(this.#override, Object.keys(change));
    this.#failure = undefined;
    this.#wake();
    return this.listed(options);
  }

  /** Part of the registry `multi`: wants exactly this listed, and writes it even where it is what was written last. */
  rewrite(instance: ServiceInstance): void {
    this.#desired = instance;
    this.#override = {};
    this.#written = undefined;
    this.#failure = undefined;
    this.#wake();
  }

  /** Keeps it listed, as `OUT_OF_SERVICE`: it gets no new calls. `update({ status: 'UP' })` undoes it. */
  drain(options: WaitOptions = {}): Promise<void> {
    return this.update({ status: 'OUT_OF_SERVICE' }, options);
  }

  /**
   * Takes it off the list for good: no beat, retry or late reply brings it back. Calls after the first share its
   * work.
   *
   * @returns when the registry's own list no longer has it.
   * @throws {RegistryError} `DEADLINE_EXCEEDED` or `ABORTED` when that couldn't be confirmed in time. The work goes
   * on until the registry handle is closed; after that the entry expires with its TTL.
   */
  async deregister(options: WaitOptions = {}): Promise<void> {
    if (!this.#takingOff) {
      this.#move('draining');
      this.#fence.abort();
      this.#letGo();
      this.#takingOff = this.#takeOff();
    }
    await this.#until(`deregister ${instanceName(this.#desired)}`, options, () => {
      if (this.#state === 'deregistered') return true;
      this.#ended.signal.throwIfAborted();
      return false;
    });
  }

  /**
   * Stops keeping it listed, and removes nothing: another process has registered the same id, and keeps it from now
   * on. Without such a one the entry expires with its lease, which its siblings may keep alive: to take an instance
   * off, use {@link deregister}.
   */
  release(): void {
    if (!MOVES[this.#state].includes('released')) return;
    this.#move('released');
    const name = instanceName(this.#desired);
    void this.stop(new RegistryError('CLOSED', `${name} was released: another process keeps it listed`));
  }

  /** Part of the registrar: the lease keeper tells that the lease is gone. */
  leaseLost(lease: Lease, error: RegistryError, unanswered: number): void {
    if (this.#lease === lease) this.#lose(error, unanswered);
  }

  /**
   * Part of the registrar: a look of `seenAt` showed this. Where it differs from what was written, an operator drained the
   * instance or gave it another weight. Other statuses are the registry's own judgement, which passes.
   */
  found(listed: ServiceInstance, seenAt: number, graceMs: number): void {
    const { adapter, events } = this.#parts;
    if (!adapter.ownerKeepsOverrides || !this.#isSettled(seenAt, graceMs)) return;
    const { fields } = adapter.capabilities;
    const { status, weight } = this.#desired;
    const override: Mutable<InstanceOverride> = {};
    if (fields.includes('weight') && listed.weight !== weight) override.weight = listed.weight;
    if (fields.includes('status') && listed.status !== status) {
      if (listed.status === 'OUT_OF_SERVICE') override.status = listed.status;
      else if (this.#override.status !== undefined) override.status = this.#override.status;
    }
    if (override.status === this.#override.status && override.weight === this.#override.weight) return;
    this.#override = override;
    events.emit({ type: 'override', instance: this.#desired, override });
  }

  /** Part of the registrar: a look at the registry's list of `seenAt` didn't show this instance. */
  missing(seenAt: number, graceMs: number): void {
    if (!this.#isSettled(seenAt, graceMs)) return;
    this.#letGo();
    this.#lose(
      new RegistryError(
        'LEASE_LOST',
        `${instanceName(this.#desired)} is not in the registry's list any more`,
      ),
    );
  }

  /**
   * Part of the registrar: the same id is wanted anew. Resolves when no call of this registration is under way any
   * more. The last call isn't cut short: its removal could otherwise arrive late and take off the new entry.
   */
  async supersede(): Promise<void> {
    this.#ended.abort(new RegistryError('CLOSED', `${instanceName(this.#desired)} was registered anew`));
    this.#notify();
    await this.#ran;
    await this.#takingOff;
  }

  /** Part of the registrar: ends all work on this instance at once, without deregistering it. */
  async stop(reason: RegistryError): Promise<void> {
    this.#stopped.abort(reason);
    this.#fence.abort();
    this.#letGo();
    this.#ended.abort(reason);
    this.#notify();
    await this.#before?.stop(reason);
    await this.#ran;
    await this.#takingOff;
  }

  /** Whether what was written last must have been seen by a look of `seenAt`. */
  #isSettled(seenAt: number, graceMs: number): boolean {
    return (
      this.#state === 'registered' &&
      this.#written === this.#desired &&
      this.#registeredAt <= seenAt - graceMs
    );
  }

  #lose(error: RegistryError, unanswered = 0): void {
    if (this.#state !== 'registered') return;
    this.#unanswered = unanswered;
    this.#lease = undefined;
    this.#written = undefined;
    this.#move('lost', error);
    this.#wake();
  }

  /** The desired-state loop: it ends only when the instance is no longer wanted. */
  async #run(): Promise<void> {
    const { signal } = this.#fence;
    await this.#before?.supersede();
    this.#before = undefined;
    await this.#becomeReady();
    if (signal.aborted) return;
    this.#move('registering');
    for (let attempt = 0; !signal.aborted;) {
      if (this.#state === 'registered' && this.#written === this.#desired) {
        await this.#woken();
        continue;
      }
      if (this.#state === 'lost') {
        // Everyone may have lost the same registry at once: come back spread out, and go on where the beats stood.
        attempt = this.#unanswered;
        await this.#pause(fullJitter(attempt, this.#parts.backoff, this.#parts.random));
        if (signal.aborted) return;
        this.#move('registering');
      }
      const wanted = this.#desired;
      try {
        await this.#put(wanted);
        attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error as RegistryError, wanted, attempt++);
      }
    }
  }

  async #becomeReady(): Promise<void> {
    const { random, backoff } = this.#parts;
    const { signal } = this.#fence;
    for (let attempt = 0; this.#ready && !signal.aborted; attempt++) {
      try {
        await orAbort(this.#ready(signal), signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const waitMs = fullJitter(attempt, backoff, random);
        this.#retry(toRegistryError(error, `wait until ${instanceName(this.#desired)} is ready`), waitMs);
        await this.#pause(waitMs);
      }
    }
  }

  async #put(wanted: ServiceInstance): Promise<void> {
    const { adapter, leases, slots, ttlMs, clock } = this.#parts;
    const lease = await slots.run(this.#fence.signal, async () => {
      this.#sent = true;
      this.#outcomeUnknown = true;
      // Not under the fence: a write that is under way is waited for, so that the removal comes after it.
      return await adapter.register(overridden(wanted, this.#override), ttlMs, this.#stopped.signal);
    });
    this.#outcomeUnknown = false;
    if (this.#fence.signal.aborted) return;
    if (this.#lease && this.#lease !== lease) leases.release(this.#lease, this);
    this.#lease = lease;
    this.#written = wanted;
    this.#accepted = wanted;
    this.#registeredAt = clock.now();
    this.#failure = undefined;
    // When the lease was lost during the write, the state is `lost` and the loop writes again.
    if (this.#state === 'registering') this.#move('registered');
    else this.#notify();
    leases.hold(lease, this);
  }

  async #failed(error: RegistryError, wanted: ServiceInstance, attempt: number): Promise<void> {
    const { clock, backoff, random } = this.#parts;
    this.#lateUntil = clock.now() + LATE_WRITE_MS;
    this.#failure = error;
    if (!error.retryable) {
      // The registry refuses what we ask: only another update or a deregistration can change that.
      this.#retry(error, Number.POSITIVE_INFINITY);
      if (this.#accepted && this.#desired === wanted) {
        // What it took before is kept, else a refused update would take the instance off at the next loss.
        this.#desired = this.#accepted;
        this.#failure = undefined;
      } else if (this.#desired === wanted) {
        await this.#woken();
      }
      return;
    }
    if (error.code === 'LEASE_LOST' && this.#state === 'registered') {
      this.#letGo();
      this.#lose(error);
      return;
    }
    const waitMs = error.code === 'LEASE_LOST' && attempt === 0 ? 0 : fullJitter(attempt, backoff, random);
    this.#retry(error, waitMs);
    await this.#pause(waitMs);
  }

  /** Removes the entry and sees it gone; tries until it is, or until it is stopped. */
  async #takeOff(): Promise<void> {
    const { adapter, slots, clock, backoff, random } = this.#parts;
    const { signal } = this.#stopped;
    const ended = this.#ended.signal;
    await this.#ran;
    // A write whose outcome is unknown may still arrive: such an entry must be seen gone twice.
    const isDoubtful = this.#outcomeUnknown || clock.now() < this.#lateUntil;
    let looks = this.#sent ? (isDoubtful ? 2 : 1) : 0;
    for (let attempt = 0; looks > 0 && !ended.aborted;) {
      try {
        await slots.run(signal, () => adapter.deregister(this.#desired, signal));
        if (await this.#confirmGone(signal)) looks--;
        if (looks > 0) await this.#rest(CONFIRM_PAUSE_MS.max / 4);
      } catch (error) {
        if (ended.aborted) break;
        const waitMs = fullJitter(attempt++, backoff, random);
        this.#retry(error as RegistryError, waitMs);
        await this.#rest(waitMs);
      }
    }
    if (looks === 0) {
      this.#failure = undefined;
      this.#move('deregistered');
    }
  }

  /** Looks until the entry is gone, for as long as the registry says that a change may take to be seen. */
  async #confirmGone(signal: AbortSignal): Promise<boolean> {
    const { adapter, clock, looks } = this.#parts;
    const { propagationMs } = adapter.capabilities;
    const pauseMs = Math.min(CONFIRM_PAUSE_MS.max, Math.max(CONFIRM_PAUSE_MS.min, propagationMs / 4));
    const end = clock.now() + propagationMs;
    for (;;) {
      const listed = await looks.listOf(this.#desired, signal);
      if (!listed.has(this.#desired.id)) return true;
      if (clock.now() >= end || this.#ended.signal.aborted) return false;
      await this.#rest(pauseMs);
    }
  }

  #letGo(): void {
    if (this.#lease) this.#parts.leases.release(this.#lease, this);
    this.#lease = undefined;
  }

  #retry(error: RegistryError, retryInMs: number): void {
    this.#failure = error;
    this.#parts.events.emit({ type: 'registration-retry', instance: this.#desired, error, retryInMs });
    this.#notify();
  }

  #move(to: RegistrationState, error?: RegistryError): void {
    const from = this.#state;
    if (!MOVES[from].includes(to)) return;
    this.#state = to;
    this.#parts.events.emit({
      type: 'registration',
      instance: this.#desired,
      from,
      to,
      ...(error && { error }),
    });
    this.#notify();
  }

  #notify(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** Waits for an update, a loss or the fence. */
  async #woken(): Promise<void> {
    await this.#pause(undefined);
  }

  /** Waits `ms` (for ever when `undefined`), or less when woken or fenced. */
  #pause(ms: number | undefined): Promise<void> {
    const { signal } = this.#fence;
    return new Promise((resolve) => {
      const end = () => {
        cancel?.();
        signal.removeEventListener('abort', end);
        this.#wake = () => {};
        resolve();
      };
      const cancel = ms === undefined ? undefined : this.#parts.clock.after(ms, end);
      this.#wake = end;
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }

  /** Waits `ms`, or less when ended. */
  async #rest(ms: number): Promise<void> {
    await sleep(this.#parts.clock, ms, this.#ended.signal).catch(() => {});
  }

  /** Waits until the check says yes; it is asked again whenever something here changed. */
  #until(
    doing: string,
    { signal, timeoutMs = DEFAULT_WAIT_MS }: WaitOptions,
    check: () => boolean,
  ): Promise<void> {
    const { clock, adapter } = this.#parts;
    let waiter = (): void => {};
    const wait = withDeadline(
      { clock, timeoutMs, doing: `${adapter.type}: ${doing}`, signals: [signal] },
      () =>
        new Promise<void>((resolve, reject) => {
          waiter = () => {
            try {
              if (check()) resolve();
            } catch (error) {
              reject(error);
            }
          };
          this.#waiters.add(waiter);
          waiter();
        }),
    );
    return wait
      .catch((error: RegistryError) => {
        // The deadline alone doesn't help anyone: say what stood in the way.
        if (error.code === 'DEADLINE_EXCEEDED' && this.#failure && error !== this.#failure) {
          throw new RegistryError(
            'DEADLINE_EXCEEDED',
            `${error.message}; last failure: ${this.#failure.message}`,
            {
              cause: this.#failure,
            },
          );
        }
        throw error;
      })
      .finally(() => this.#waiters.delete(waiter));
  }

  /** Why it is no longer wanted. */
  #gone(): RegistryError {
    if (this.#ended.signal.aborted) return this.#ended.signal.reason as RegistryError;
    const name = instanceName(this.#desired);
    return new RegistryError('CLOSED', `${name} is deregistered: register it again to have it listed`);
  }
}

/** The instance as an operator wants it. */
function overridden(instance: ServiceInstance, override: InstanceOverride): ServiceInstance {
  const isOverridden = override.status !== undefined || override.weight !== undefined;
  return isOverridden ? defineInstance({ ...instance, ...override }) : instance;
}

function withoutFields({ status, weight }: InstanceOverride, fields: readonly string[]): InstanceOverride {
  return {
    ...(status !== undefined && !fields.includes('status') && { status }),
    ...(weight !== undefined && !fields.includes('weight') && { weight }),
  };
}
