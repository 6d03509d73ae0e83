import { sleep, type Clock, type Random } from './clock.ts';
import { createController } from './deadline.ts';
import { RegistryError } from './errors.ts';
import type { Events } from './events.ts';
import { jittered, type BackoffOptions } from './full-jitter.ts';
import { instanceName, type GuardedAdapter } from './guarded-adapter.ts';
import { defineInstance, type InstanceSpec, type ServiceKey } from './instance.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { Registration, type RegistrationState } from './registration.ts';
import { SharedLooks, type ListedInstances } from './shared-looks.ts';
import { Slots } from './slots.ts';

export interface RegistrarOptions {
  readonly adapter: GuardedAdapter;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  /** How long an entry may outlive its last beat, in milliseconds. */
  readonly ttlMs: number;
  /** Every so often each registration is looked for in the registry's own list, in milliseconds. */
  readonly verifyIntervalMs: number;
  /** How many writes are under way at once, at most. */
  readonly concurrency: number;
  readonly backoff: BackoffOptions;
}

export interface RegisterOptions {
  /** The instance isn't listed before this resolves. Called again, after a pause, when it rejects. */
  readonly ready?: (signal: AbortSignal) => Promise<void>;
  /** How long the entry may outlive its last beat, in milliseconds. Defaults to `registration.ttlMs`. */
  readonly ttlMs?: number;
}

/** An entry younger than this isn't missed yet, in milliseconds, on top of what the registry takes to show it. */
const VERIFY_GRACE_MS = 1_000;

function isOver(state: RegistrationState): boolean {
  return state === 'deregistered' || state === 'released';
}

/** Desired state: every instance that this process wants listed, kept listed. */
export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #closed = createController();
  readonly #leases: LeaseKeeper;
  readonly #looks: SharedLooks;
  readonly #slots: Slots;
  readonly #registrations = new Map<string, Registration>();
  #verifying: Promise<void> | undefined;

  constructor(options: RegistrarOptions) {
    this.#options = options;
    this.#leases = new LeaseKeeper(options);
    this.#looks = new SharedLooks(options.adapter, this.#closed.signal);
    this.#slots = new Slots(options.concurrency);
  }

  /** Those that are wanted, or still being taken off. */
  get registrations(): readonly Registration[] {
    return [...this.#registrations.values()].filter(({ state }) => !isOver(state));
  }

  /**
   * Wants the instance listed from now on.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a bad spec, or when the id is registered here already;
   * `UNSUPPORTED` for a namespace where the registry has none.
   */
  register(spec: InstanceSpec, { ready, ttlMs = this.#options.ttlMs }: RegisterOptions = {}): Registration {
    if (this.#closed.signal.aborted) throw this.#closed.signal.reason;
    const instance = defineInstance(spec);
    this.#options.adapter.checkNamespace(instance.namespace);
    const name = JSON.stringify([instance.namespace, instance.service, instance.id]);
    const before = this.#registrations.get(name);
    if (before && before.state !== 'draining' && !isOver(before.state)) {
      const message = `${instanceName(instance)} is registered by this process already: update() that one, or give another id`;
      throw new RegistryError('INVALID_ARGUMENT', message, { field: 'id' });
    }
    const { adapter, clock, random, events, backoff } = this.#options;
    const parts = {
      adapter,
      leases: this.#leases,
      looks: this.#looks,
      slots: this.#slots,
      clock,
      random,
      events,
      ttlMs,
      backoff,
    };
    const registration = new Registration(parts, instance, ready, before);
    this.#registrations.set(name, registration);
    this.#verifying ??= this.#verify().catch(() => {});
    return registration;
  }

  /** Stops all work at once. What is still listed expires with its TTL. */
  async close(reason: RegistryError): Promise<void> {
    this.#closed.abort(reason);
    this.#leases.close();
    await Promise.all(Array.from(this.#registrations.values(), (registration) => registration.stop(reason)));
    await this.#verifying;
  }

  /** Looks for every registration in the registry's own list, now and then; ends when closed. */
  async #verify(): Promise<never> {
    const { clock, random, verifyIntervalMs } = this.#options;
    for (;;) {
      await sleep(clock, jittered(verifyIntervalMs, 0.2, random), this.#closed.signal);
      for (const [name, { state }] of this.#registrations)
        if (isOver(state)) this.#registrations.delete(name);
      for (const [key, registrations] of this.#byService()) await this.#look(key, registrations);
    }
  }

  async #look(key: ServiceKey, registrations: readonly Registration[]): Promise<void> {
    const { adapter, clock } = this.#options;
    const seenAt = clock.now();
    let listed: ListedInstances;
    try {
      listed = await this.#looks.listOf(key, this.#closed.signal);
    } catch {
      // The registry can't say: the beats and the next look will tell.
      this.#closed.signal.throwIfAborted();
      return;
    }
    const graceMs = adapter.capabilities.propagationMs + VERIFY_GRACE_MS;
    for (const registration of registrations) {
      const instance = listed.get(registration.instance.id);
      if (instance) registration.found(instance, seenAt, graceMs);
      else registration.missing(seenAt, graceMs);
    }
  }

  #byService(): ReadonlyMap<ServiceKey, readonly Registration[]> {
    const groups = new Map<string, { key: ServiceKey; registrations: Registration[] }>();
    for (const registration of this.#registrations.values()) {
      if (registration.state !== 'registered') continue;
      const { namespace, service } = registration.instance;
      const name = JSON.stringify([namespace, service]);
      const group = groups.get(name) ?? { key: { namespace, service }, registrations: [] };
      group.registrations.push(registration);
      groups.set(name, group);
    }
    return new Map(Array.from(groups.values(), ({ key, registrations }) => [key, registrations]));
  }
}
