import { randomInt } from 'node:crypto';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  abortError,
  type CallOptions,
  type Lease,
  RegistryError,
  type RegisterOptions,
  SharedAttempt,
  createController,
} from '@rollcall/core';
import type { ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from 'etcd3';
import type { EtcdClient } from './client.ts';
import type { Rpc } from './endpoint.ts';

/**
 * The leases of this process: one for each TTL that is asked for, so in practice one. All entries hang on it, so that
 * beats don't grow with registrations.
 */
export class ProcessLeases {
  readonly #client: EtcdClient;
  readonly #byTtl = new Map<number, EtcdLease>();
  readonly #grants = new Map<number, SharedAttempt<EtcdLease>>();

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  /** Writes an entry that lives as long as the lease. */
  async put(key: string, value: string, doing: string, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const lease = await this.#leaseFor(key, Math.max(1, Math.ceil(ttlMs / 1_000)), signal);
    try {
      await this.#client.call(doing, signal, (rpc) =>
        rpc.kv.put({ key: Buffer.from(key), value: Buffer.from(value), lease: lease.id }),
      );
    } catch (error) {
      // Else the key stays counted: the write may have been made, or may yet be.
      if (error instanceof RegistryError && error.code === 'LEASE_LOST') lease.markLost();
      throw error;
    }
    await this.#release(key, signal, lease);
    return lease;
  }

  /** Deletes an entry, whoever wrote it. */
  async delete(key: string, doing: string, signal: AbortSignal): Promise<void> {
    await this.#client.call(doing, signal, (rpc) => rpc.kv.deleteRange({ key: Buffer.from(key) }));
    await this.#release(key, signal);
  }

  /** The key is counted before anything is awaited, so that no other call revokes the lease meanwhile. */
  async #leaseFor(key: string, ttlSeconds: number, signal: AbortSignal): Promise<EtcdLease> {
    const current = this.#byTtl.get(ttlSeconds);
    if (current) {
      current.keys.add(key);
      return current;
    }
    let grant = this.#grants.get(ttlSeconds);
    if (!grant) {
      grant = new SharedAttempt((attempt) => this.#grant(ttlSeconds, attempt));
      this.#grants.set(ttlSeconds, grant);
    }
    const lease = await grant.join(signal).catch((error: unknown) => {
      throw signal.aborted ? abortError(signal, 'get a lease in etcd') : error;
    });
    lease.keys.add(key);
    return lease;
  }

  async #grant(ttlSeconds: number, signal: AbortSignal): Promise<EtcdLease> {
    const id = newLeaseId();
    try {
      const granted = await this.#client.call('get a lease in etcd', signal, (rpc) =>
        rpc.lease.leaseGrant({ ID: id, TTL: ttlSeconds }),
      );
      const lease = new EtcdLease(this.#client, id, Number(granted.TTL) * 1_000, () => this.#forget(lease));
      this.#byTtl.set(ttlSeconds, lease);
      return lease;
    } catch (error) {
      // Nobody waits any more, but etcd may have granted it or be about to: its id is known, as we chose it.
      if (signal.aborted) void this.#revoke(id, AbortSignal.timeout(CLEAN_UP_MS));
      throw error;
    }
  }

  /**
   * Takes the key off its lease, or off all but one. A lease without keys is revoked: a write that is still under
   * way with it is refused then, and can't bring an entry back.
   */
  async #release(key: string, signal: AbortSignal, except?: EtcdLease): Promise<void> {
    const emptied = [...this.#byTtl.values()].filter(
      (lease) => lease !== except && lease.keys.delete(key) && lease.keys.size === 0,
    );
    for (const lease of emptied) this.#forget(lease);
    await Promise.all(emptied.map(({ id }) => this.#revoke(id, signal)));
  }

  /** A lease that can't be revoked now ends by itself, as nobody renews it. */
  async #revoke(id: string, signal: AbortSignal): Promise<void> {
    await this.#client
      .call('revoke a lease in etcd', signal, (rpc) => rpc.lease.leaseRevoke({ ID: id }))
      .catch(() => {});
  }

  #forget(lost: EtcdLease): void {
    for (const [ttl, lease] of this.#byTtl) if (lease === lost) this.#byTtl.delete(ttl);
  }
}

/** How long the revocation of a lease that nobody waits for may take. */
const CLEAN_UP_MS = 5_000;

class EtcdLease implements Lease {
  readonly id: string;
  readonly ttlMs: number;
  /** The keys that hang on it, or may. */
  readonly keys = new Set<string>();
  readonly #client: EtcdClient;
  readonly #forget: () => void;
  readonly #lost = createController();

  constructor(client: EtcdClient, id: string, ttlMs: number, forget: () => void) {
    this.#client = client;
    this.id = id;
    this.ttlMs = ttlMs;
    this.#forget = forget;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async renew({ signal }: CallOptions): Promise<void> {
    const doing = 'renew the lease in etcd';
    const { TTL } = await this.#client.call(doing, signal, (rpc, callSignal) =>
      keepAliveOnce(rpc, this.id, callSignal),
    );
    if (Number(TTL) > 0) return;
    this.markLost();
    throw new RegistryError('LEASE_LOST', `${doing}: it expired or was revoked; register again`);
  }

  /** Lets the next registration get a new lease, and tells those that hang on this one. */
  markLost(): void {
    this.#forget();
    this.#lost.abort(
      new RegistryError('LEASE_LOST', 'the lease in etcd expired or was revoked; register again'),
    );
  }
}

/** One beat. etcd3's own waits for ever where nothing answers. */
async function keepAliveOnce(rpc: Rpc, id: string, signal: AbortSignal): Promise<ILeaseKeepAliveResponse> {
  const stream = (await rpc.lease.leaseKeepAlive()) as ClientDuplexStream<
    ILeaseKeepAliveRequest,
    ILeaseKeepAliveResponse
  >;
  const onAbort = () => stream.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      signal.throwIfAborted();
      stream.on('data', resolve);
      stream.on('error', reject);
      stream.on('end', () =>
        reject(new RegistryError('UNAVAILABLE', 'renew the lease in etcd: it gave no answer')),
      );
      stream.write({ ID: id });
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    stream.cancel();
  }
}

/**
 * Ours, so that the lease can be revoked when the answer is lost. Below 2^53, as protobufjs rounds larger ids without
 * a word where it doesn't find `long` (some loaders hand it the wrong build). A number that is taken is refused by etcd.
 */
function newLeaseId(): string {
  return String(randomInt(1, 2 ** 48));
}
