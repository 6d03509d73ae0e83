import { describe, expect, it } from 'vitest';
import { type Clock, defineInstance, memoryAdapter, MemoryStore } from '../src/index.ts';

describe('a lease of the memory registry', () => {
  it('is not lost while its first entry is put, however short it is and however long that takes', async () => {
    let now = 0;
    const slow: Clock = { now: () => (now += 10), wallNow: () => 0, after: () => () => {} };
    const adapter = memoryAdapter({ store: new MemoryStore({ clock: slow }) });
    const { signal } = new AbortController();
    const instance = defineInstance({ service: 'user-service', host: '127.0.0.1', port: 8_080 });
    const lease = await adapter.register(instance, { ttlMs: 1, signal });
    expect(lease.ttlMs).toBe(1);
    // From then on it runs.
    expect((await adapter.discover(instance, { signal })).instances).toEqual([]);
    await expect(lease.renew?.({ signal })).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });
});
