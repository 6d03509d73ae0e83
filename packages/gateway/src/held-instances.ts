import {
  createController,
  identityOf,
  RegistryError,
  sleep,
  type Clock,
  type InstanceKey,
  type InstanceOverride,
  type Registration,
  type Registry,
  type ServiceInstance,
  type ServiceKey,
} from '@rollcall/core';
import type { Changes } from './changes.ts';
import type { Followers } from './followers.ts';
import type { ClientLease, LeaseTable } from './lease-table.ts';
import { ListedEntry, listedEntry } from './listed-entry.ts';
import { markInstance } from './marks.ts';
import { checkPreconditions, type Preconditions } from './preconditions.ts';
import { problem } from './problem.ts';
import { type OverrideJournal, Overrides } from './overrides.ts';
import type { RegistryHand } from './registry-hand.ts';
import type { ListDelta } from './service-follower.ts';
import { Turns } from './turns.ts';

/** Keeps over a restart what is listed under which lease. */
export interface HoldJournal {
  saveHold(identity: string, leaseId: string): Promise<void>;
  deleteHold(identity: string): Promise<void>;
}

export interface HeldInstancesOptions {
  readonly registry: Registry;
  readonly hand: RegistryHand;
  readonly followers: Followers;
  readonly leases: LeaseTable;
  readonly changes: Changes;
  readonly clock: Clock;
  /** Tells this gateway's entries from those of all others, and from those of its own earlier runs. */
  readonly gatewayId: string;
  /** How long a change may take until the registry behind has it, in milliseconds. */
  readonly timeoutMs: number;
  readonly journal: (HoldJournal & OverrideJournal) | undefined;
  /** How many overrides are kept of instances that have left. */
  readonly maxOverrides: number;
  readonly warn: (message: string) => void;
}

/** What every change is asked with. */
export interface ChangeRequest {
  /** Who asks. */
  readonly subject: string;
  readonly conditions: Preconditions;
  /** Throws when the caller may not change what stands there: `undefined` when nothing does. */
  readonly authorize: (current: ListedEntry | undefined) => void;
}

interface Held {
  readonly key: InstanceKey;
  readonly identity: string;
  owner: string;
  leaseId: string;
  /** What the client asked for. */
  asked: ServiceInstance;
  override: InstanceOverride | undefined;
  /** The last write: see `Marks`. */
  write: string;
  /** What that write says. */
  entry: ListedEntry;
  registration: Registration;
}

/** An entry of ours that nobody holds may be one that is just being written: it is looked at after this, in milliseconds. */
const STRAY_GRACE_MS = 2_000;

/** Between two attempts to take off what has expired, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * The instances that this gateway keeps listed for its clients. Every change of one instance has its turn after the one
 * before, so that a condition holds until the change is made.
 *
 * Another gateway in front of the same registry may take an instance over, by writing it with its own mark: then it is let
 * go here, and never removed.
 */
export class HeldInstances {
  readonly #options: HeldInstancesOptions;
  readonly #held = new Map<string, Held>();
  /** How many are held of each service. */
  readonly #services = new Map<string, number>();
  readonly #overrides: Overrides;
  readonly #turns = new Turns();
  readonly #closed = createController();
  #writes = 0;

  constructor(options: HeldInstancesOptions) {
    this.#options = options;
    this.#overrides = new Overrides({
      max: options.maxOverrides,
      isListed: (identity) => this.#held.has(identity),
      journal: options.journal,
    });
  }

  get size(): number {
    return this.#held.size;
  }

  /** Whether an instance of the service is held. */
  holds(key: ServiceKey): boolean {
    return this.#services.has(serviceOf(key));
  }

  /** The namespaces of what is held. */
  get namespaces(): ReadonlySet<string> {
    return new Set(Array.from(this.#held.values(), ({ key }) => key.namespace));
  }

  /**
   * What stands under the key now.
   *
   * @throws {RegistryError} when nobody can say.
   */
  async current(key: InstanceKey): Promise<ListedEntry | undefined> {
    const held = this.#held.get(identityOf(key));
    if (held) return held.entry;
    const follower = this.#options.followers.follow(key);
    await follower.load(AbortSignal.timeout(this.#options.timeoutMs));
    if (follower.lost) throw follower.lost;
    return follower.entries.get(key.id);
  }

  /** Lists an instance under a lease, or changes it. Resolves when the registry behind has it. */
  put(
    instance: ServiceInstance,
    leaseId: string,
    request: ChangeRequest,
  ): Promise<{ readonly entry: ListedEntry; readonly isNew: boolean }> {
    return this.#turns.run(identityOf(instance), async () => {
      const current = await this.current(instance);
      request.authorize(current);
      checkPreconditions(request.conditions, current?.etag);
      const lease = this.#options.leases.find(leaseId, request.subject);
      if (!lease)
        throw problem(
          'lease-lost',
          'This lease is not known here, or no longer: get a new one and register again.',
        );
      const owner = current?.marks?.owner ?? request.subject;
      const override = this.#overrideOf(instance, current);
      const isNew = current === undefined;
      const entry = await this.#keep(instance, { owner, lease, override });
      this.#options.changes.add(instance, isNew ? 'registered' : 'updated', request.subject);
      return { entry, isNew };
    });
  }

  /** Takes an instance off. Resolves when the registry behind no longer has it. */
  remove(key: InstanceKey, request: ChangeRequest): Promise<void> {
    return this.#turns.run(identityOf(key), async () => {
      const current = await this.current(key);
      request.authorize(current);
      checkPreconditions(request.conditions, current?.etag);
      if (!current) return;
      await this.#takeOff(key, current);
      this.#options.changes.add(key, 'deregistered', request.subject);
    });
  }

  /**
   * Changes status or weight of an instance, whoever owns it, until {@link clearOverride}, or until it says what the owner
   * says: the owner's own changes wait behind it.
   */
  override(key: InstanceKey, override: InstanceOverride, request: ChangeRequest): Promise<ListedEntry> {
    return this.#changeOverride(key, request, (before) => ({ ...before, ...override }));
  }

  /** The owner's own status and weight hold again. */
  clearOverride(key: InstanceKey, request: ChangeRequest): Promise<ListedEntry> {
    return this.#changeOverride(key, request, () => ({}));
  }

  /** The lease has ended: what is still listed under it is taken off. */
  async leaseEnded(lease: ClientLease, kind: 'deregistered' | 'expired'): Promise<void> {
    await Promise.all(Array.from(lease.instances, (identity) => this.#endOf(identity, lease, kind)));
  }

  /** Takes up what an earlier run of this gateway listed under a lease. */
  restore(entry: ServiceInstance, lease: ClientLease): void {
    const { instance, marks } = listedEntry(entry);
    const asked = marks?.asked ? Object.freeze({ ...instance, ...marks.asked }) : instance;
    const override = this.#overrideOf(instance, listedEntry(entry));
    this.#desire(asked, { owner: marks?.owner ?? lease.subject, lease, override });
    this.#options.followers.follow(instance);
  }

  /** What an earlier run knew of overrides. */
  restoreOverride(identity: string, override: InstanceOverride): void {
    this.#overrides.restore(identity, override);
  }

  /** The registry told of a change. */
  onDelta(delta: ListDelta): void {
    for (const entry of delta.put) this.#onEntry(entry);
    for (const entry of delta.removed) this.#onRemoved(entry);
  }

  /** Lets go of everything; it stays listed until its TTL in the registry behind has passed. */
  close(): void {
    this.#closed.abort(new RegistryError('CLOSED', 'the gateway is closed'));
    for (const { registration } of this.#held.values()) registration.release();
    this.#held.clear();
  }

  /** Whether an entry is kept here, so that what happens to it is known already. */
  isOwn({ marks }: ListedEntry): boolean {
    return marks?.gateway === this.#options.gatewayId;
  }

  async #keep(
    asked: ServiceInstance,
    terms: {
      readonly owner: string;
      readonly lease: ClientLease;
      readonly override: InstanceOverride | undefined;
    },
  ): Promise<ListedEntry> {
    const { journal, timeoutMs } = this.#options;
    const isFirst = !this.#held.has(identityOf(asked));
    const held = this.#desire(asked, terms);
    try {
      await Promise.all([
        held.registration.listed({ timeoutMs }),
        journal?.saveHold(held.identity, terms.lease.id),
      ]);
    } catch (error) {
      // What the registry refuses for good is not wanted any more; what it can't take now is tried further.
      if (isFirst && error instanceof RegistryError && !error.retryable) {
        this.#forget(held);
        held.registration.deregister().catch(() => {});
      }
      throw error;
    }
    return held.entry;
  }

  /** Wants it listed from now on. */
  #desire(
    asked: ServiceInstance,
    { owner, lease, override }: { owner: string; lease: ClientLease; override: InstanceOverride | undefined },
  ): Held {
    const { registry, leases } = this.#options;
    const identity = identityOf(asked);
    const before = this.#held.get(identity);
    if (before) leases.byId(before.leaseId)?.instances.delete(identity);
    lease.instances.add(identity);
    const write = (this.#writes++).toString(36);
    const marked = this.#marked(asked, owner, override, write);
    const entry = new ListedEntry(marked);
    if (before) {
      Object.assign(before, { owner, leaseId: lease.id, asked, override, write, entry });
      before.registration.rewrite(marked);
      return before;
    }
    const { namespace, service, id } = asked;
    const registration = registry.register(marked);
    const key = { namespace, service, id };
    const held: Held = {
      key,
      identity,
      owner,
      leaseId: lease.id,
      asked,
      override,
      write,
      entry,
      registration,
    };
    this.#held.set(identity, held);
    this.#services.set(serviceOf(key), (this.#services.get(serviceOf(key)) ?? 0) + 1);
    return held;
  }

  #marked(
    asked: ServiceInstance,
    owner: string,
    override: InstanceOverride | undefined,
    write: string,
  ): ServiceInstance {
    const { status, weight } = asked;
    const isOverridden = override !== undefined && Object.keys(override).length > 0;
    return markInstance(isOverridden ? { ...asked, ...override } : asked, {
      owner,
      gateway: this.#options.gatewayId,
      write,
      ...(isOverridden && { asked: { status, weight } }),
    });
  }

  /** The override that holds for an instance: what stands in its entry, else what is remembered. */
  #overrideOf(key: InstanceKey, current: ListedEntry | undefined): InstanceOverride | undefined {
    const remembered = this.#overrides.get(identityOf(key));
    if (!current?.marks?.asked) return remembered;
    return remembered ?? differing(current.instance, current.marks.asked);
  }

  async #changeOverride(
    key: InstanceKey,
    { conditions, authorize, subject }: ChangeRequest,
    change: (before: InstanceOverride | undefined) => InstanceOverride,
  ): Promise<ListedEntry> {
    const identity = identityOf(key);
    return await this.#turns.run(identity, async () => {
      const current = await this.current(key);
      authorize(current);
      checkPreconditions(conditions, current?.etag);
      if (!current) throw notListed(key);
      const held = this.#held.get(identity);
      const wanted = change(this.#overrideOf(key, current));
      // What the owner says itself needs no override: left in place, it would hide what the owner says next.
      const asked = held?.asked ?? { ...current.instance, ...current.marks?.asked };
      const override = differing({ ...asked, ...wanted }, asked) ?? {};
      await this.#overrides.keep(identity, override);
      const entry = held
        ? await this.#rewrite(held, override)
        : await this.#overrideOther(key, current, override);
      this.#options.changes.add(key, 'override', subject);
      return entry;
    });
  }

  async #rewrite(held: Held, override: InstanceOverride | undefined): Promise<ListedEntry> {
    const write = (this.#writes++).toString(36);
    const marked = this.#marked(held.asked, held.owner, override, write);
    Object.assign(held, { override, write, entry: new ListedEntry(marked) });
    held.registration.rewrite(marked);
    await held.registration.listed({ timeoutMs: this.#options.timeoutMs });
    return held.entry;
  }

  /** An entry that another gateway keeps, or a process without one: it is changed in place, and the keeper sees it. */
  async #overrideOther(
    key: InstanceKey,
    current: ListedEntry,
    override: InstanceOverride,
  ): Promise<ListedEntry> {
    const { status, weight } = { ...current.instance, ...current.marks?.asked, ...override };
    await this.#options.hand.override(key, { status, weight });
    return new ListedEntry(Object.freeze({ ...current.instance, status, weight }));
  }

  async #takeOff(key: InstanceKey, current: ListedEntry): Promise<void> {
    const { hand, registry, clock, timeoutMs } = this.#options;
    const held = this.#held.get(identityOf(key));
    if (held) {
      this.#forget(held);
      await held.registration.deregister({ timeoutMs });
      return;
    }
    if (!current.marks) {
      await hand.deregister(key);
      return;
    }
    // Its own gateway would list it again: it is taken over first, which that gateway sees and believes.
    const write = (this.#writes++).toString(36);
    const registration = registry.register(
      this.#marked(current.instance, current.marks.owner, undefined, write),
    );
    try {
      await registration.listed({ timeoutMs });
      await sleep(clock, hand.capabilities.propagationMs + 100, this.#closed.signal);
    } finally {
      await registration.deregister({ timeoutMs });
    }
  }

  #forget(held: Held): void {
    const { leases, journal, warn } = this.#options;
    this.#held.delete(held.identity);
    const left = (this.#services.get(serviceOf(held.key)) ?? 0) - 1;
    if (left > 0) this.#services.set(serviceOf(held.key), left);
    else this.#services.delete(serviceOf(held.key));
    leases.byId(held.leaseId)?.instances.delete(held.identity);
    journal?.deleteHold(held.identity).catch((error: unknown) => warn(`the store: ${String(error)}`));
  }

  /** A fresh look decides: what another gateway has taken over meanwhile stays. */
  async #endOf(identity: string, lease: ClientLease, kind: 'deregistered' | 'expired'): Promise<void> {
    const { hand, changes, clock } = this.#options;
    const { signal } = this.#closed;
    const held = this.#held.get(identity);
    if (held?.leaseId !== lease.id) return;
    await this.#turns.run(identity, async () => {
      if (held.leaseId !== lease.id || this.#held.get(identity) !== held) return;
      this.#forget(held);
      held.registration.release();
      while (!signal.aborted) {
        try {
          const found = (await hand.look(held.key)).instances.find(({ id }) => id === held.key.id);
          if (!found || !this.isOwn(listedEntry(found))) return;
          await hand.deregister(held.key);
          changes.add(held.key, kind, held.owner);
          return;
        } catch {
          await sleep(clock, RETRY_MS, signal).catch(() => {});
        }
      }
    });
  }

  #onEntry(entry: ListedEntry): void {
    const held = this.#held.get(identityOf(entry.instance));
    if (!held) {
      if (this.isOwn(entry)) this.#checkStray(entry);
      return;
    }
    if (!this.isOwn(entry)) this.#checkTakenOver(held);
    else if (entry.marks?.write === held.write) this.#adopt(held, entry);
  }

  /** Our own last write, but with another status or weight: an operator changed the entry in place. */
  #adopt(held: Held, { instance }: ListedEntry): void {
    const { status, weight } = held.entry.instance;
    if (instance.status === status && instance.weight === weight) return;
    void this.#turns
      .run(held.identity, async () => {
        if (this.#held.get(held.identity) !== held) return;
        const override = differing(instance, held.asked);
        await this.#overrides.keep(held.identity, override ?? {});
        await this.#rewrite(held, override);
        this.#options.changes.add(held.key, 'override', undefined);
      })
      .catch((error: unknown) => this.#options.warn(`an override was not kept: ${String(error)}`));
  }

  /** What was seen may be older than our own write: once that is made, and told to everybody, a fresh look decides. */
  #checkTakenOver(held: Held): void {
    const { hand, leases, clock, followers, timeoutMs } = this.#options;
    void this.#turns
      .run(held.identity, async () => {
        await held.registration.listed({ timeoutMs });
        await sleep(clock, hand.capabilities.propagationMs, this.#closed.signal);
        if (this.#held.get(held.identity) !== held) return;
        const seen = followers.follow(held.key).entries.get(held.key.id);
        if (seen && this.isOwn(seen)) return;
        const found = (await hand.look(held.key)).instances.find(({ id }) => id === held.key.id);
        if (!found || this.isOwn(listedEntry(found))) return;
        leases.abandon(held.leaseId);
        this.#forget(held);
        held.registration.release();
      })
      .catch(() => {});
  }

  /** Nobody holds it, and nobody else will take it off. */
  #checkStray({ instance: { namespace, service, id } }: ListedEntry): void {
    const { hand, clock, changes } = this.#options;
    const key = { namespace, service, id };
    const identity = identityOf(key);
    const check = async (): Promise<void> => {
      if (this.#held.has(identity)) return;
      const found = (await hand.look(key)).instances.find((instance) => instance.id === id);
      if (!found || !this.isOwn(listedEntry(found))) return;
      await hand.deregister(key);
      changes.add(key, 'expired', listedEntry(found).owner);
    };
    void sleep(clock, STRAY_GRACE_MS, this.#closed.signal)
      .then(() => this.#turns.run(identity, check))
      .catch(() => {});
  }

  /** Somebody took it off behind our back: it is wanted all the same. */
  #onRemoved(entry: ListedEntry): void {
    const held = this.#held.get(identityOf(entry.instance));
    if (held?.registration.state === 'registered' && entry.marks?.write === held.write)
      held.registration.rewrite(held.registration.instance);
  }
}

/** The fields of an entry that differ from what its owner asked for; `undefined` when none does. */
function differing(
  { status, weight }: Pick<ServiceInstance, 'status' | 'weight'>,
  asked: Pick<ServiceInstance, 'status' | 'weight'>,
): InstanceOverride | undefined {
  const override = {
    ...(status !== asked.status && { status }),
    ...(weight !== asked.weight && { weight }),
  };
  return Object.keys(override).length > 0 ? override : undefined;
}

function notListed({ namespace, service, id }: InstanceKey) {
  return problem('not-found', `${id} is not listed in ${namespace}/${service}.`, { field: 'id' });
}

function serviceOf({ namespace, service }: ServiceKey): string {
  return `${namespace}\n${service}`;
}
