import type { Clock, Registry, RegistryEvent, ServiceKey } from '@rollcall/core';
import { problem } from './problem.ts';
import { ServiceFollower, type ListDelta } from './service-follower.ts';

export interface FollowersOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  /** How many deltas are kept of each service. */
  readonly history: number;
  /** How many services may be followed. */
  readonly max: number;
  /** A service that nobody asked for this long is no longer followed, in milliseconds. */
  readonly idleMs: number;
  /** Called with every change of every service that is followed. */
  readonly onDelta: (delta: ListDelta) => void;
  /** Whether a service is to be followed although nobody asks for it. */
  readonly isNeeded: (key: ServiceKey) => boolean;
}

/** A list that doesn't follow the registry may come back by itself: streams are ended after this, in milliseconds. */
const LOST_GRACE_MS = 2_000;

/** The services that this gateway follows: each once. */
export class Followers {
  readonly #options: FollowersOptions;
  readonly #followers = new Map<string, ServiceFollower>();
  readonly #lost = new Map<string, () => void>();
  readonly #unsubscribe: () => void;
  #cancelSweep: () => void = () => {};

  constructor(options: FollowersOptions) {
    this.#options = options;
    this.#unsubscribe = options.registry.on((event) => this.#onEvent(event));
    this.#sweepLater();
  }

  get size(): number {
    return this.#followers.size;
  }

  /** Starts to follow the service, where it isn't followed yet. */
  follow({ namespace, service }: ServiceKey): ServiceFollower {
    const name = nameOf({ namespace, service });
    let follower = this.#followers.get(name);
    if (!follower) {
      const { registry, history, max, onDelta } = this.#options;
      if (this.#followers.size >= max) {
        const detail = `This gateway follows ${max} services, which is its limit. Ask another one.`;
        throw problem('unavailable', detail, { headers: { 'retry-after': '5' } });
      }
      follower = new ServiceFollower(registry.service(service, namespace), { history, onDelta });
      this.#followers.set(name, follower);
    }
    follower.used = true;
    return follower;
  }

  [Symbol.iterator](): Iterator<ServiceFollower> {
    return this.#followers.values();
  }

  close(): void {
    this.#unsubscribe();
    this.#cancelSweep();
    for (const cancel of this.#lost.values()) cancel();
    for (const follower of this.#followers.values()) follower.close();
    this.#followers.clear();
  }

  #onEvent(event: RegistryEvent): void {
    if (event.type === 'entry-skipped') this.#followers.get(nameOf(event.service))?.onSkipped(event.entry);
    else if (event.type === 'list-live') {
      const name = nameOf(event.service);
      this.#lost.get(name)?.();
      this.#lost.delete(name);
    } else if (event.type === 'list-stale') this.#waitForReturn(nameOf(event.service));
  }

  #waitForReturn(name: string): void {
    if (this.#lost.has(name)) return;
    const cancel = this.#options.clock.after(LOST_GRACE_MS, () => {
      this.#lost.delete(name);
      const follower = this.#followers.get(name);
      if (follower?.lost) follower.onLost(follower.lost);
    });
    this.#lost.set(name, cancel);
  }

  #sweepLater(): void {
    const { clock, idleMs, isNeeded } = this.#options;
    this.#cancelSweep = clock.after(idleMs, () => {
      for (const [name, follower] of this.#followers) {
        // What doesn't follow the registry now couldn't be had again.
        if (follower.used || follower.listeners > 0 || follower.lost || isNeeded(follower.key))
          follower.used = false;
        else {
          this.#followers.delete(name);
          follower.close();
        }
      }
      this.#sweepLater();
    });
  }
}

function nameOf({ namespace, service }: ServiceKey): string {
  return `${namespace}\n${service}`;
}
