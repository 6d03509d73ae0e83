import {
  abortError,
  type CallOptions,
  createController,
  encodeInstance,
  type InstanceKey,
  type Lease,
  type RegisterOptions,
  RegistryError,
  type ServiceInstance,
  SharedAttempt,
} from '@rollcall/core';
import { parseJsonObject } from '@rollcall/core/dialects';
import { type GrantedLease, readLease } from './answer.ts';
import type { GatewayCall, Gateways } from './gateways.ts';

/**
 * The leases of this process: one for each TTL that is asked for, so in practice one, at the gateway in use. All entries hang on
 * it, so that beats don't grow with registrations.
 *
 * Each gateway keeps its own. When another comes into use, what is written next hangs on a lease there, and the one at the
 * former gateway ends by itself: that gateway sees then who writes the entry now, and leaves it alone.
 */
export class ProcessLeases {
  readonly #gateways: Gateways;
  readonly #all = new Set<GatewayLease>();
  readonly #grants = new Map<number, SharedAttempt<GatewayLease>>();

  constructor(gateways: Gateways) {
    this.#gateways = gateways;
  }

  /** Writes an entry that lives as long as the lease. */
  async put(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const doing = `register ${instance.service}/${instance.id} at the gateway`;
    const place = placeOf(instance);
    const lease = await this.#leaseFor(place, ttlMs, { signal, doing });
    try {
      const answer = await this.#gateways.request(
        { signal, doing },
        {
          method: 'PUT',
          path: pathOf(instance),
          headers: { 'rollcall-lease': lease.id },
          body: encodeInstance(instance),
          // Another doesn't know the lease, and would say that it is lost.
          server: { url: lease.server, isOnly: true },
        },
      );
      if (answer.text !== '') this.#gateways.read(answer, { signal, doing }, parseJsonObject);
    } catch (error) {
      // Else the entry stays counted: the write may have been made, or may yet be.
      if (error instanceof RegistryError && error.code === 'LEASE_LOST') lease.markLost();
      throw error;
    }
    for (const other of this.#all) if (other !== lease) other.places.delete(place);
    return lease;
  }

  /** Removes an entry, whoever wrote it: at the gateway that keeps it, which would else put it again. */
  async remove(key: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${key.service}/${key.id} at the gateway`;
    const place = placeOf(key);
    const holders = [...this.#all].filter(({ places }) => places.has(place));
    const servers = new Set(holders.map(({ server }) => server));
    const remove = (server?: string) =>
      this.#gateways.request(
        { signal, doing },
        {
          method: 'DELETE',
          path: pathOf(key),
          ...(server !== undefined && { server: { url: server, isOnly: false } }),
        },
      );
    await (servers.size === 0 ? remove() : Promise.all([...servers].map(remove)));
    await Promise.all(
      holders.map(async (lease) => {
        lease.places.delete(place);
        // A write that is still under way with it is refused then, and can't bring an entry back.
        if (lease.places.size === 0) await this.#end(lease, signal);
      }),
    );
  }

  /** The entry is counted before anything is awaited, so that no other call ends the lease meanwhile. */
  async #leaseFor(place: string, ttlMs: number, { signal, doing }: GatewayCall): Promise<GatewayLease> {
    for (const lease of this.#all) {
      if (lease.askedMs !== ttlMs || lease.server !== this.#gateways.current) continue;
      lease.places.add(place);
      return lease;
    }
    let grant = this.#grants.get(ttlMs);
    if (!grant) {
      grant = new SharedAttempt((attempt) => this.#grant(ttlMs, attempt));
      this.#grants.set(ttlMs, grant);
    }
    const lease = await grant.join(signal).catch((error: unknown) => {
      throw signal.aborted ? abortError(signal, doing) : error;
    });
    lease.places.add(place);
    return lease;
  }

  async #grant(ttlMs: number, signal: AbortSignal): Promise<GatewayLease> {
    const call = { signal, doing: 'get a lease from the gateway' };
    const answer = await this.#gateways.request(call, { method: 'POST', path: ['leases'], body: { ttlMs } });
    const granted = this.#gateways.read(answer, call, readLease);
    const lease = new GatewayLease(this.#gateways, granted, {
      server: answer.server,
      askedMs: ttlMs,
      onLost: () => this.#all.delete(lease),
    });
    this.#all.add(lease);
    return lease;
  }

  /** A lease that can't be ended now ends by itself, as nobody renews it. */
  async #end(lease: GatewayLease, signal: AbortSignal): Promise<void> {
    this.#all.delete(lease);
    const call = { signal, doing: 'end a lease at the gateway' };
    const server = { url: lease.server, isOnly: true };
    await this.#gateways
      .request(call, { method: 'DELETE', path: ['leases', lease.id], server })
      .catch(() => {});
  }
}

class GatewayLease implements Lease {
  readonly id: string;
  readonly ttlMs: number;
  /** Who granted it. Nobody else knows it. */
  readonly server: string;
  /** The TTL that was asked for, in milliseconds. */
  readonly askedMs: number;
  /** The entries that hang on it, or may. */
  readonly places = new Set<string>();
  readonly #gateways: Gateways;
  readonly #onLost: () => void;
  readonly #lost = createController();

  constructor(
    gateways: Gateways,
    { id, ttlMs }: GrantedLease,
    more: { readonly server: string; readonly askedMs: number; readonly onLost: () => void },
  ) {
    this.#gateways = gateways;
    this.id = id;
    this.ttlMs = ttlMs;
    this.server = more.server;
    this.askedMs = more.askedMs;
    this.#onLost = more.onLost;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async renew({ signal }: CallOptions): Promise<void> {
    const call = { signal, doing: 'renew the lease at the gateway' };
    try {
      const answer = await this.#gateways.request(call, {
        method: 'POST',
        path: ['leases', this.id, 'renew'],
        // When it can't be reached, another says that it doesn't know the lease: that is where to register again.
        server: { url: this.server, isOnly: false },
        // Half of what a beat may take.
        attemptTimeoutMs: this.ttlMs / 6,
      });
      this.#gateways.read(answer, call, readLease);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'LEASE_LOST') this.markLost();
      throw error;
    }
  }

  /** Lets the next registration get a new lease, and tells those that hang on this one. */
  markLost(): void {
    this.#onLost();
    this.#lost.abort(
      new RegistryError('LEASE_LOST', `the lease at the gateway ${this.server} is gone: register again`),
    );
  }
}

/** Where an instance stands in the API, in clear. */
export function pathOf({ namespace, service, id }: InstanceKey): readonly string[] {
  return ['namespaces', namespace, 'services', service, 'instances', id];
}

function placeOf(key: InstanceKey): string {
  return JSON.stringify(pathOf(key));
}
