import { describe, expect, it } from 'vitest';
import { memoryAdapter, MemoryStore } from '@rollcall/core';
import { alteredAdapter, ManualClock, settle } from '@rollcall/core/testing';
import { GuardedAdapter } from '../src/guarded-adapter.ts';
import { SharedLooks } from '../src/shared-looks.ts';
import { Slots } from '../src/slots.ts';

const never = new AbortController().signal;

describe('a slot', () => {
  it('that its taker no longer wants goes to the next', async () => {
    const slots = new Slots(1);
    let free = (): void => {};
    const first = slots.run(never, () => new Promise<void>((resolve) => (free = resolve)));
    const impatient = new AbortController();
    const second = slots.run(impatient.signal, async () => 'second');
    const third = slots.run(never, async () => 'third');
    impatient.abort(new Error('too slow'));
    await expect(second).rejects.toThrow('too slow');
    free();
    await first;
    expect(await third).toBe('third');
  });

  it('is given back by work that fails', async () => {
    const slots = new Slots(1);
    await expect(slots.run(never, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(await slots.run(never, async () => 'next')).toBe('next');
  });
});

describe('a shared look', () => {
  const key = { namespace: 'default', service: 'user-service' };

  /** Looks that take as long as the test wants; each answers with its own number. */
  function looks() {
    const clock = new ManualClock();
    const finish: (() => void)[] = [];
    const adapter = alteredAdapter(memoryAdapter({ store: new MemoryStore({ clock }) }), {
      discover: () => {
        const id = `look ${finish.length + 1}`;
        const instance = Object.freeze({ ...key, id, host: 'h', port: 1, status: 'UP', weight: 1 } as const);
        return new Promise((resolve) => finish.push(() => resolve({ instances: [instance], skipped: [] })));
      },
    });
    const guard = new GuardedAdapter(adapter, { clock, requestTimeoutMs: 1_000 });
    return { shared: new SharedLooks(guard, never), finish };
  }

  it('is never one that began before it was asked for', async () => {
    const { shared, finish } = looks();
    const first = shared.listOf(key, never);
    await settle();
    const second = shared.listOf(key, never);
    const third = shared.listOf(key, never);
    await settle();
    expect(finish).toHaveLength(1);
    finish[0]?.();
    await settle();
    finish[1]?.();
    expect([...(await first).keys()]).toEqual(['look 1']);
    expect([...(await second).keys()]).toEqual(['look 2']);
    expect([...(await third).keys()]).toEqual(['look 2']);
    expect(finish).toHaveLength(2);
  });

  it('begins anew after all have ended', async () => {
    const { shared, finish } = looks();
    for (const i of [0, 1]) {
      const look = shared.listOf(key, never);
      await settle();
      finish[i]?.();
      expect([...(await look).keys()]).toEqual([`look ${i + 1}`]);
      await settle();
    }
  });
});
