import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RegistryAdapter, WatchEvent } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/index.ts';
import { call, leaseFiles, never, openAdapter, temporaryFolder, user, users } from './folders.ts';

const minute = { ttlMs: 60_000, signal: never };

/** Follows a watch until the test ends. */
function follow(adapter: RegistryAdapter) {
  const stop = new AbortController();
  const events: WatchEvent[] = [];
  const seen = {
    events,
    ended: undefined as unknown,
    stop: (reason?: unknown) => stop.abort(reason),
    done: Promise.resolve(),
  };
  seen.done = (async () => {
    try {
      for await (const event of adapter.watch?.(users, { signal: stop.signal }) ?? []) events.push(event);
    } catch (error) {
      seen.ended = error;
    }
  })();
  onTestFinished(() => {
    stop.abort();
    return seen.done;
  });
  return seen;
}

function listed(events: readonly WatchEvent[]): string[] | undefined {
  const last = events.at(-1);
  return last?.kind === 'list'
    ? last.instances.map(({ id, weight }) => `${id}:${weight}`).toSorted()
    : undefined;
}

describe('a watch', () => {
  it('starts with a full list, of a service that nobody registered too', async () => {
    const { events } = follow(await openAdapter(temporaryFolder()));
    await vi.waitFor(() => expect(events).toEqual([{ kind: 'list', instances: [], skipped: [] }]));
  });

  it('tells of what is added, changed and removed by another', async () => {
    const dir = temporaryFolder();
    const [writer, reader] = [await openAdapter(dir), await openAdapter(dir)];
    const { events } = follow(reader);
    await vi.waitFor(() => expect(listed(events)).toEqual([]));
    await writer.register(user('7'), minute);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1']));
    await writer.register(user('7', { weight: 2 }), minute);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:2']));
    await writer.deregister(user('7'), call);
    await vi.waitFor(() => expect(listed(events)).toEqual([]));
  });

  it('tells nothing while beats change nothing', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const lease = await adapter.register(user('7'), minute);
    const { events } = follow(adapter);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1']));
    for (let i = 0; i < 5; i++) await lease.renew?.(call);
    await adapter.register(user('7'), minute);
    await adapter.register(user('8'), minute);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1', '8:1']));
    expect(events).toHaveLength(2);
  });

  it('looks when a lease runs out, and not only every so often', async () => {
    const dir = temporaryFolder();
    const clock = new ManualClock();
    const adapter = await openAdapter(dir, clock);
    await adapter.register(user('7'), { ttlMs: 700, signal: never });
    const { events } = follow(adapter);
    const waits = () => vi.waitFor(() => expect(clock.pending).toBe(1));
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1']));
    await waits();
    await clock.advance(500);
    await waits();
    await clock.advance(201);
    await vi.waitFor(() => expect(listed(events)).toEqual([]));
  });

  it('goes on when the service is removed with its folder and comes again', async () => {
    const dir = temporaryFolder();
    const [writer, reader] = [await openAdapter(dir), await openAdapter(dir)];
    await writer.register(user('7'), minute);
    const { events } = follow(reader);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1']));
    rmSync(join(dir, 'default'), { recursive: true });
    await vi.waitFor(() => expect(listed(events)).toEqual([]));
    await writer.register(user('7'), minute);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1']));
  });

  it('reports a file that can not be read', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    const { events } = follow(adapter);
    await vi.waitFor(() => expect(listed(events)).toEqual(['7:1']));
    writeFileSync(join(dir, 'default', 'user-service', `8@${leaseFiles(dir)[0]}.json`), '{');
    await vi.waitFor(() => expect(events.at(-1)?.skipped).toHaveLength(1));
    expect(listed(events)).toEqual(['7:1']);
  });

  it('sees a change that keeps size and time stamps of the entry', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const { events } = follow(adapter);
    for (let weight = 1; weight <= 9; weight++) {
      await adapter.register(user('7', { weight: 10 + weight }), minute);
      utimesSync(join(dir, 'default', 'user-service', `7@${leaseFiles(dir)[0]}.json`), 1, 1);
      await vi.waitFor(() => expect(listed(events)).toEqual([`7:${10 + weight}`]));
    }
  });

  it('ends with an error when the registry is removed', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    const seen = follow(adapter);
    await vi.waitFor(() => expect(listed(seen.events)).toEqual(['7:1']));
    rmSync(dir, { recursive: true });
    await vi.waitFor(() => expect(seen.ended).toMatchObject({ code: 'UNAVAILABLE' }), 2_000);
    expect(seen.events.every((event) => event.kind === 'list' && event.instances.length === 1)).toBe(true);
  });

  it.each(['its signal', 'close()'])('ends by %s and leaves no watcher behind', async (by) => {
    const adapter = await openAdapter(temporaryFolder());
    const before = watchers();
    const seen = follow(adapter);
    await vi.waitFor(() => expect(watchers()).toBe(before + 1));
    if (by === 'close()') await adapter.close();
    else seen.stop();
    await seen.done;
    expect(seen.ended).toMatchObject({ code: by === 'close()' ? 'CLOSED' : 'ABORTED' });
    await vi.waitFor(() => expect(watchers()).toBe(before));
  });
});

describe('a watch of services', () => {
  it('tells of each that comes and goes', async () => {
    const dir = temporaryFolder();
    const [writer, reader] = [await openAdapter(dir), await openAdapter(dir)];
    const stop = new AbortController();
    const names: string[][] = [];
    const done = (async () => {
      for await (const list of reader.watchServices?.('default', stop) ?? []) names.push(list.toSorted());
    })().catch((error: unknown) => error);
    await vi.waitFor(() => expect(names).toEqual([[]]));
    await writer.register(user('7'), minute);
    await vi.waitFor(() => expect(names.at(-1)).toEqual(['user-service']));
    await writer.register(user('7', { service: 'b' }), minute);
    await vi.waitFor(() => expect(names.at(-1)).toEqual(['b', 'user-service']));
    await writer.deregister(user('7'), call);
    await vi.waitFor(() => expect(names.at(-1)).toEqual(['b']), 2_000);
    stop.abort();
    expect(await done).toMatchObject({ code: 'ABORTED' });
  });
});

function watchers(): number {
  return process.getActiveResourcesInfo().filter((name) => name.includes('FSEvent')).length;
}
