import { describe, expect, it } from 'vitest';
import {
  defineInstance,
  memoryAdapter,
  MemoryStore,
  RegistryError,
  type RegistryAdapter,
} from '@rollcall/core';
import { alteredAdapter, ManualClock } from '@rollcall/core/testing';
import { GuardedAdapter } from '../src/guarded-adapter.ts';

const key = { namespace: 'default', service: 'user-service' };
const never = new AbortController().signal;

function guarded(methods: Partial<RegistryAdapter>) {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  const adapter = new GuardedAdapter(alteredAdapter(memoryAdapter({ store }), methods), {
    clock,
    requestTimeoutMs: 1_000,
  });
  return { clock, store, adapter };
}

/** Settles while the clock runs. */
async function settled<T>(clock: ManualClock, ms: number, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await clock.advance(ms);
  return await promise;
}

describe('every call of an adapter', () => {
  it('has a deadline, even where the adapter does not heed its signal', async () => {
    const { clock, adapter } = guarded({ discover: () => new Promise(() => {}) });
    await expect(settled(clock, 1_000, adapter.discover(key, never))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'memory: list user-service: no answer within 1000 ms',
    });
    expect(clock.pending).toBe(0);
  });

  it('ends when its caller gives up', async () => {
    const { clock, adapter } = guarded({ discover: () => new Promise(() => {}) });
    const caller = new AbortController();
    const call = adapter.discover(key, caller.signal);
    caller.abort();
    await expect(settled(clock, 0, call)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(clock.pending).toBe(0);
  });

  it.each([
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'UNAVAILABLE'],
    [new DOMException('aborted', 'AbortError'), 'ABORTED'],
    [new DOMException('late', 'TimeoutError'), 'DEADLINE_EXCEEDED'],
    [new TypeError('x is not a function'), 'PROTOCOL'],
    ['a string', 'PROTOCOL'],
    [new RegistryError('PERMISSION_DENIED', 'no'), 'PERMISSION_DENIED'],
  ])('fails with a RegistryError that keeps its cause: %s', async (thrown, code) => {
    const { clock, adapter } = guarded({
      discover() {
        throw thrown;
      },
    });
    const error: unknown = await settled(clock, 0, adapter.discover(key, never)).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(RegistryError);
    expect(error).toMatchObject({ code });
    if (!(thrown instanceof RegistryError)) expect((error as RegistryError).cause).toBe(thrown);
  });
});

describe('opening', () => {
  it('is done once, on first use, however many ask', async () => {
    let opened = 0;
    const { clock, adapter } = guarded({
      open: async () => {
        opened++;
      },
    });
    expect(opened).toBe(0);
    await settled(
      clock,
      0,
      Promise.all([adapter.discover(key, never), adapter.listServices('default', never)]),
    );
    await settled(clock, 0, adapter.discover(key, never));
    expect(opened).toBe(1);
  });

  it('is tried again by the next call after it failed', async () => {
    let opened = 0;
    const { clock, adapter } = guarded({
      open: () =>
        ++opened === 1 ? Promise.reject(new RegistryError('UNAVAILABLE', 'down')) : Promise.resolve(),
    });
    await expect(settled(clock, 0, adapter.discover(key, never))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect((await settled(clock, 0, adapter.discover(key, never))).instances).toEqual([]);
  });

  it('that hangs counts against the deadline', async () => {
    const { clock, adapter } = guarded({ open: () => new Promise(() => {}) });
    await expect(settled(clock, 1_000, adapter.discover(key, never))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });
});

describe('closing', () => {
  it('ends what is under way and refuses what comes after', async () => {
    const { clock, adapter } = guarded({ discover: () => new Promise(() => {}) });
    const call = adapter.discover(key, never);
    call.catch(() => {});
    await settled(clock, 0, adapter.close());
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(adapter.listServices('default', never)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(clock.pending).toBe(0);
  });

  it('ends a watch that waits', async () => {
    const { clock, adapter } = guarded({});
    const told: string[] = [];
    const waiting = adapter.watch(key, never, ({ kind }) => told.push(kind));
    waiting.catch(() => {});
    await clock.advance(0);
    expect(told).toEqual(['list']);
    await settled(clock, 0, adapter.close());
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    expect(clock.pending).toBe(0);
  });
});

describe('an override', () => {
  const entry = { ...key, id: '7' };

  it('that the adapter can’t do is UNSUPPORTED, and says who can', async () => {
    const { clock, store } = guarded({});
    const without = alteredAdapter(memoryAdapter({ store }), {});
    delete without.override;
    const adapter = new GuardedAdapter(without, { clock, requestTimeoutMs: 1_000 });
    expect(adapter.canOverride).toBe(false);
    await expect(settled(clock, 0, adapter.override(entry, { weight: 2 }, never))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining("let the instance's own process do it") as string,
    });
  });

  it('of what the registry has no place for is UNSUPPORTED, and names the field', async () => {
    const { capabilities } = memoryAdapter({ store: new MemoryStore() });
    const { clock, adapter } = guarded({ capabilities: { ...capabilities, fields: ['status'] } });
    await expect(settled(clock, 0, adapter.override(entry, { weight: 2 }, never))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      field: 'weight',
    });
    await expect(settled(clock, 0, adapter.override(entry, { status: 'DOWN' }, never))).rejects.toMatchObject(
      { code: 'INVALID_ARGUMENT', field: 'id' },
    );
  });

  it('of a weight that no instance has is refused', async () => {
    const { clock, adapter } = guarded({});
    const instance = defineInstance({ ...entry, host: '10.0.0.7', port: 8080 });
    await settled(clock, 0, adapter.register(instance, 60_000, never));
    await expect(settled(clock, 0, adapter.override(entry, { weight: -1 }, never))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      field: 'weight',
    });
    expect((await settled(clock, 0, adapter.discover(key, never))).instances).toEqual([instance]);
  });
});
