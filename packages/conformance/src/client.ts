import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { RegistryError } from '@rollcall/core';
import type {
  InstanceKey,
  InstanceList,
  InstanceOverride,
  Lease,
  RegistryAdapter,
  ServiceInstance,
  ServiceKey,
} from '@rollcall/core';
import { assertSameInstances } from './comparing.ts';
import { Follower } from './follower.ts';
import { ABORT_MS, type Setting } from './setting.ts';
import { eventually, settles } from './waiting.ts';

/**
 * One simulated process. It uses its adapter as the core does: every call has a deadline, each lease is renewed
 * once, at a third of its TTL, for as long as the process lives.
 */
export class Client {
  readonly adapter: RegistryAdapter;
  /** Why beats failed, oldest first. */
  readonly beatFailures: RegistryError[] = [];
  readonly #setting: Setting;
  readonly #life = new AbortController();
  readonly #beaten = new Set<Lease>();
  readonly #listed = new Map<string, InstanceKey>();

  constructor(adapter: RegistryAdapter, setting: Setting) {
    this.adapter = adapter;
    this.#setting = setting;
    // Each lease and each watch listens; a registry may have one lease for each of 1 000 instances.
    setMaxListeners(0, this.#life.signal);
  }

  open(): Promise<void> {
    return this.#call('open', (signal) => this.adapter.open(signal));
  }

  /** @param ttlMs Defaults to one that doesn't run out during the test. */
  async register(instance: ServiceInstance, ttlMs = this.#setting.calmTtlMs): Promise<Lease> {
    const { namespace, service, id } = instance;
    this.#listed.set(JSON.stringify([namespace, service, id]), { namespace, service, id });
    const lease = await this.#call('register', (signal) =>
      this.adapter.register(instance, { ttlMs, signal }),
    );
    void this.#beat(lease);
    return lease;
  }

  /** Registers many, a few at a time. */
  async registerAll(instances: readonly ServiceInstance[]): Promise<void> {
    const rest = instances.values();
    const work = async () => {
      for (const instance of rest) await this.register(instance);
    };
    await Promise.all(Array.from({ length: 16 }, work));
  }

  async deregister(key: InstanceKey): Promise<void> {
    const { namespace, service, id } = key;
    await this.#call('deregister', (signal) =>
      this.adapter.deregister({ namespace, service, id }, { signal }),
    );
    this.#listed.delete(JSON.stringify([namespace, service, id]));
  }

  async override({ namespace, service, id }: InstanceKey, change: InstanceOverride): Promise<void> {
    await this.#call('override', async (signal) => {
      assert.ok('override' in this.adapter, 'the adapter must have an override method, as the sample has');
      await this.adapter.override?.({ namespace, service, id }, change, { signal });
    });
  }

  discover(key: ServiceKey): Promise<InstanceList> {
    return this.#call('discover', (signal) => this.adapter.discover(key, { signal }));
  }

  listServices(namespace: string): Promise<readonly string[]> {
    return this.#call('listServices', (signal) => this.adapter.listServices(namespace, { signal }));
  }

  /** Waits until `discover` gives exactly these. */
  async sees(
    key: ServiceKey,
    expected: readonly ServiceInstance[],
    withinMs = this.#setting.visibleMs,
  ): Promise<void> {
    await eventually(`discover of ${key.service} lists what it should`, withinMs, async () => {
      const { instances } = await this.discover(key);
      assertSameInstances(instances, expected, this.#setting.capabilities);
    });
  }

  /** @param restart Whether to call `watch` again each time that it ends, as the core does. Defaults to `false`. */
  follow(key: ServiceKey, { restart = false } = {}): Follower {
    const watch = this.adapter.watch?.bind(this.adapter);
    assert.ok(watch, 'the adapter must have a watch method, as the sample has');
    return new Follower((signal) => watch(key, { signal }), this.#life.signal, restart);
  }

  /** Dies without deregistering. */
  async crash(): Promise<void> {
    this.#die();
    const { harness } = this.#setting;
    if (harness.crash) await harness.crash(this.adapter);
    else await this.close();
  }

  /** Closes the adapter. */
  async close(): Promise<void> {
    this.#life.abort();
    await settles('close', this.#setting.callMs, this.adapter.close());
  }

  /** Ends the beats and the watches, and no more. */
  #die(): void {
    this.#life.abort();
    this.#listed.clear();
  }

  /** Takes back what is still listed, and closes. For the end of a trial: what fails here is no finding. */
  async leave(): Promise<void> {
    const listed = this.#life.signal.aborted ? [] : [...this.#listed.values()];
    await Promise.allSettled(listed.map((key) => this.deregister(key)));
    await this.close();
  }

  async #beat(lease: Lease): Promise<void> {
    if (!lease.renew || this.#beaten.has(lease)) return;
    this.#beaten.add(lease);
    const life = this.#life.signal;
    const beatMs = Math.ceil(lease.ttlMs / 3);
    while (!life.aborted) {
      await pause(beatMs, undefined, { signal: life }).catch(() => {});
      if (life.aborted) return;
      try {
        await lease.renew({ signal: AbortSignal.any([life, AbortSignal.timeout(beatMs)]) });
      } catch (error) {
        if (life.aborted) return;
        const failure = error instanceof RegistryError ? error : new RegistryError('PROTOCOL', String(error));
        this.beatFailures.push(failure);
        if (failure.code === 'LEASE_LOST') return;
      }
    }
  }

  #call<T>(what: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { callMs } = this.#setting;
    return settles(what, callMs + ABORT_MS, run(AbortSignal.timeout(callMs)));
  }
}
