import {
  CARRIED_FIELDS,
  decodeInstance,
  defineAdapter,
  encodeInstance,
  RegistryError,
  toRegistryError,
  type AdapterCapabilities,
  type CallOptions,
  type InstanceKey,
  type InstanceList,
  type Lease,
  type RegisterOptions,
  type RegistryAdapter,
  type ServiceInstance,
  type ServiceKey,
  type SkippedEntry,
} from '@rollcall/core';
import { z } from 'zod';

/** What `registry.type: ./src/noticeboard-adapter.ts` finds. */
export const adapter = defineAdapter({
  type: 'noticeboard',
  options: z.strictObject({ url: z.url().describe('Where the noticeboard is.') }),
  create: ({ url }) => new NoticeboardAdapter(url),
});

/** Rollcall on a noticeboard: HTTP requests, and nothing that waits, repeats or remembers. */
class NoticeboardAdapter implements RegistryAdapter {
  readonly type = 'noticeboard';
  readonly capabilities: AdapterCapabilities = {
    liveness: 'lease',
    crashSlackMs: 0,
    propagationMs: 100,
    ttlRangeMs: { min: 1, max: Number.MAX_SAFE_INTEGER },
    fields: CARRIED_FIELDS,
    namespaces: true,
    anyName: true,
  };
  readonly #url: string;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** HTTP has no connection to make; this finds out at once when the address is wrong. */
  async open(signal: AbortSignal): Promise<void> {
    await this.listServices('default', { signal });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async register(instance: ServiceInstance, { ttlMs, signal }: RegisterOptions): Promise<Lease> {
    const query = { ...nameOf(instance), ttlMs: String(ttlMs) };
    const doing = `register ${instance.service}/${instance.id}`;
    await this.#ask('PUT', '/notices', query, { signal, doing, body: encodeInstance(instance) });
    return {
      ttlMs,
      renew: async (beat) => {
        const { status } = await this.#ask('POST', '/notices', query, { ...beat, doing: 'renew a notice' });
        // Without this the core would go on beating for an entry that nobody sees.
        if (status === 404) throw new RegistryError('LEASE_LOST', 'the notice is gone: register again');
      },
    };
  }

  async deregister(key: InstanceKey, { signal }: CallOptions): Promise<void> {
    const doing = `deregister ${key.service}/${key.id}`;
    await this.#ask('DELETE', '/notices', nameOf(key), { signal, doing });
  }

  async discover(key: ServiceKey, { signal }: CallOptions): Promise<InstanceList> {
    const { namespace, service } = key;
    const doing = `list ${service}`;
    const { text } = await this.#ask('GET', '/notices', { namespace, service }, { signal, doing });
    const instances: ServiceInstance[] = [];
    const skipped: SkippedEntry[] = [];
    for (const [id, value] of JSON.parse(text) as [id: string, value: string][]) {
      try {
        instances.push(decodeInstance(value, { namespace, service, id }));
      } catch (error) {
        // One bad notice must not hide the others.
        skipped.push({ key: `${service}/${id}`, reason: toRegistryError(error, 'read it').message });
      }
    }
    return { instances, skipped };
  }

  async listServices(namespace: string, { signal }: CallOptions): Promise<readonly string[]> {
    const { text } = await this.#ask('GET', '/services', { namespace }, { signal, doing: 'list services' });
    return JSON.parse(text) as string[];
  }

  /** One request. A 404 is an answer like any other; what is worse rejects, so that an outage is never empty. */
  async #ask(method: string, path: string, query: Record<string, string>, { signal, doing, body }: Request) {
    if (this.#closed) throw new RegistryError('CLOSED', `${doing}: the adapter is closed`);
    // Names go into the query, where `..` is a text like any other; in a path it would climb.
    const url = new URL(`${path}?${new URLSearchParams(query).toString()}`, this.#url);
    try {
      // A kept connection may be one that a restarted noticeboard has forgotten.
      const headers = { connection: 'close' };
      const response = await fetch(url, { method, headers, signal, ...(body !== undefined && { body }) });
      const text = await response.text();
      if (response.status >= 500) throw new Error(`it answered ${response.status}`);
      return { status: response.status, text };
    } catch (cause) {
      if (signal.aborted) throw toRegistryError(signal.reason, doing);
      throw new RegistryError('UNAVAILABLE', `${doing}: no good answer from ${this.#url}`, { cause });
    }
  }
}

interface Request extends CallOptions {
  /** What is being done; it starts the message of an error. */
  readonly doing: string;
  readonly body?: string;
}

function nameOf({ namespace, service, id }: InstanceKey) {
  return { namespace, service, id };
}
