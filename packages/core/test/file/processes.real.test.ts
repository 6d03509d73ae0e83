import { describe, expect, it, vi } from 'vitest';
import type { ServiceInstance } from '../../src/index.ts';
import { startChild } from './children.ts';
import { call, ids, leaseFiles, openAdapter, temporaryFolder, users } from './folders.ts';

/** To start a process and load its modules takes a second or more on a busy machine. */
const STARTED = 15_000;

/** What a busy machine may add, in milliseconds. */
const BUSY = 1_000;

describe('processes on one machine', () => {
  it('see each other', { timeout: 30_000 }, async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    startChild(dir, 'hold', { id: 'a' });
    startChild(dir, 'hold', { id: 'b' });
    await vi.waitFor(async () => expect(await ids(adapter)).toEqual(['a', 'b']), STARTED);
  });

  it('lose one that was killed within its TTL and the stated slack', { timeout: 30_000 }, async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const child = startChild(dir, 'hold', { id: 'a', ttlMs: 1_000 });
    await vi.waitFor(async () => expect(await ids(adapter)).toEqual(['a']), STARTED);
    const watch = adapter.watch?.(users, call)[Symbol.asyncIterator]();
    expect((await watch?.next())?.value).toMatchObject({ instances: [{ id: 'a' }] });
    child.process.kill('SIGKILL');
    const killedAt = performance.now();
    expect((await watch?.next())?.value).toMatchObject({ kind: 'list', instances: [] });
    expect(performance.now() - killedAt).toBeLessThan(1_000 + adapter.capabilities.crashSlackMs + BUSY);
    await watch?.return?.();
  });

  it('heal when one was frozen for longer than its TTL', { timeout: 30_000 }, async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const child = startChild(dir, 'hold', { id: 'a', ttlMs: 500 });
    await vi.waitFor(async () => expect(await ids(adapter)).toEqual(['a']), STARTED);
    child.process.kill('SIGSTOP');
    await vi.waitFor(async () => expect(await ids(adapter)).toEqual([]), 3_000);
    // Long enough for this reader to sweep it.
    await vi.waitFor(async () => {
      await adapter.discover(users, call);
      expect(leaseFiles(dir)).toEqual([]);
    }, 3_000);
    child.process.kill('SIGCONT');
    await vi.waitFor(() => expect(child.told).toEqual(['registered', 'LEASE_LOST', 'registered']), 3_000);
    expect(await ids(adapter)).toEqual(['a']);
  });

  it('never show a half-written entry, nor a gap, to a reader', { timeout: 60_000 }, async () => {
    const dir = temporaryFolder();
    const reader = await openAdapter(dir);
    const count = 200;
    const writers = ['a', 'b'].map((id) => startChild(dir, 'write', { id, count, rounds: 5 }));
    const seen = new Map<string, number>();
    const check = (instances: readonly ServiceInstance[]) => {
      const here = new Set(instances.map(({ id }) => id));
      expect([...seen.keys()].filter((id) => !here.has(id))).toEqual([]);
      for (const { id, metadata } of instances) {
        const round = Number(metadata?.['round']);
        expect(metadata?.['filling']).toBe(String(round % 10).repeat(8_000));
        expect(round).toBeGreaterThanOrEqual(seen.get(id) ?? 0);
        seen.set(id, round);
      }
    };
    let looksWhileWriting = 0;
    while (!writers.every(({ told }) => told.includes('written'))) {
      const { instances, skipped } = await reader.discover(users, call);
      expect(skipped).toEqual([]);
      check(instances);
      if (seen.size > 0) looksWhileWriting++;
    }
    check((await reader.discover(users, call)).instances);
    expect(seen.size).toBe(2 * count);
    expect(new Set(seen.values())).toEqual(new Set([4]));
    expect(looksWhileWriting).toBeGreaterThan(3);
  });
});
