import { RegistryError, type Lease, type RegistryAdapter } from '@rollcall/core';
import type { Fault } from '../src/index.ts';

/** While it is closed, nothing passes; whoever waits leaves when their signal aborts. */
export class Gate implements Fault {
  #open = Promise.resolve();
  #release = () => {};

  begin(): void {
    this.#open = new Promise((resolve) => (this.#release = resolve));
  }

  end(): void {
    this.#release();
  }

  async pass(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(new RegistryError('ABORTED', 'the call was aborted'));
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      const enter = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      // Never in the same turn, as no network would; so that many simulated processes share one event loop fairly.
      void this.#open.then(() => setImmediate(enter));
    });
  }
}

/** An adapter whose every call passes the gate first, as a request passes a network. */
export function stallable(adapter: RegistryAdapter, gate: Gate): RegistryAdapter {
  const leases = new WeakMap<Lease, Lease>();
  const through = (lease: Lease): Lease => {
    const known = leases.get(lease);
    if (known) return known;
    const { ttlMs } = lease;
    const wrapped: Lease = {
      ttlMs,
      async renew(options) {
        await gate.pass(options.signal);
        await lease.renew?.(options);
      },
    };
    leases.set(lease, wrapped);
    return wrapped;
  };
  return {
    type: adapter.type,
    capabilities: adapter.capabilities,
    async open(signal) {
      await gate.pass(signal);
      await adapter.open(signal);
    },
    close: () => adapter.close(),
    async register(instance, options) {
      await gate.pass(options.signal);
      return through(await adapter.register(instance, options));
    },
    async deregister(key, options) {
      await gate.pass(options.signal);
      await adapter.deregister(key, options);
    },
    async override(key, change, options) {
      await gate.pass(options.signal);
      await adapter.override?.(key, change, options);
    },
    async discover(key, options) {
      await gate.pass(options.signal);
      return adapter.discover(key, options);
    },
    async *watch(key, options) {
      await gate.pass(options.signal);
      yield* adapter.watch?.(key, options) ?? [];
    },
    async listServices(namespace, options) {
      await gate.pass(options.signal);
      return adapter.listServices(namespace, options);
    },
    async *watchServices(namespace, options) {
      await gate.pass(options.signal);
      yield* adapter.watchServices?.(namespace, options) ?? [];
    },
  };
}
