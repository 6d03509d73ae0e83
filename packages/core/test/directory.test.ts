import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  defineInstance,
  memoryAdapter,
  RegistryError,
  type MemoryStore,
  type RegistryAdapter,
  type RollcallConfigInput,
  type Snapshot,
  type WatchEvent,
} from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { DiskSnapshots } from '../src/disk-snapshots.ts';
import { ofType, rig, type Rig } from './support/rig.ts';

const SERVICE = { namespace: 'default', service: 'user-service' };

function instance(port: number, weight = 1) {
  return defineInstance({ ...SERVICE, host: '10.0.0.7', port, weight });
}

/** Lists instances as another process would, without a TTL to think of. */
function list(store: MemoryStore, ...shown: number[]) {
  const lease = store.grantLease(Number.MAX_SAFE_INTEGER);
  for (const port of shown) store.put(instance(port), lease);
  return lease;
}

function remove(store: MemoryStore, ...left: number[]): void {
  for (const port of left) store.remove(instance(port));
}

function ports(snapshot: Snapshot | undefined): number[] | undefined {
  return snapshot?.instances.map(({ port }) => port).toSorted((a, b) => a - b);
}

/** An adapter whose watch tells only what the test says; it ends by the signal or by `fail`. */
function scripted() {
  let push = (_event: WatchEvent | Error): void => {};
  const adapter = (store: MemoryStore): RegistryAdapter =>
    alteredAdapter(memoryAdapter({ store }), {
      async *watch(_key, { signal }) {
        const queue: (WatchEvent | Error)[] = [];
        let wake = (): void => {};
        push = (event) => {
          queue.push(event);
          wake();
        };
        signal.addEventListener('abort', () => wake());
        for (;;) {
          const next = queue.shift();
          if (next instanceof Error) throw next;
          if (next) yield next;
          else if (signal.aborted) throw signal.reason;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      },
    });
  return {
    adapter,
    push: (event: WatchEvent) => push(event),
    list: (...shown: number[]) =>
      push({ kind: 'list', instances: shown.map((port) => instance(port)), skipped: [] }),
    fail: (error: Error) => push(error),
  };
}

describe('a snapshot', () => {
  it('is unknown before the registry answers, then whole', async () => {
    const r = rig();
    list(r.store, 1, 2, 3);
    const view = r.registry.service('user-service');
    expect(view.snapshot).toBeUndefined();
    await r.clock.advance(1);
    expect(ports(view.snapshot)).toEqual([1, 2, 3]);
    expect(view.snapshot).toMatchObject({ source: 'registry', version: 1, namespace: 'default' });
  });

  it('is empty for a service that nobody registered', async () => {
    const r = rig();
    const loading = r.registry.service('nobody').load();
    await r.clock.advance(1);
    expect((await loading).instances).toEqual([]);
  });

  it('is frozen and never changes under its reader', async () => {
    const r = rig();
    const lease = list(r.store, 1);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    const before = view.snapshot;
    r.store.put(instance(2), lease);
    await r.clock.advance(1);
    expect(ports(before)).toEqual([1]);
    expect(ports(view.snapshot)).toEqual([1, 2]);
    expect([before, before?.instances, before?.instances[0]].every(Object.isFrozen)).toBe(true);
  });

  it('keeps the object of an instance that did not change', async () => {
    const r = rig();
    const lease = list(r.store, 1, 2);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    const before = view.snapshot?.instances.find(({ port }) => port === 1);
    r.store.put(instance(2, 9), lease);
    r.store.put(instance(1), lease);
    r.store.disconnect();
    await r.clock.advance(10_000);
    expect(view.snapshot?.instances.find(({ port }) => port === 1)).toBe(before);
    expect(view.snapshot?.instances.find(({ port }) => port === 2)?.weight).toBe(9);
  });

  it('is one view per service and namespace', () => {
    const { registry } = rig({ config: { access: { namespaces: { blue: { mode: 'open' } } } } });
    expect(registry.service('a')).toBe(registry.service('a'));
    expect(registry.service('a', 'default')).toBe(registry.service('a'));
    expect(registry.service('a', 'blue')).not.toBe(registry.service('a'));
    expect(() => registry.service('')).toThrow(expect.objectContaining({ field: 'service' }));
  });
});

describe('subscribers', () => {
  it('get a burst of changes as one', async () => {
    const r = rig();
    const lease = list(r.store, 1);
    const seen: number[] = [];
    r.registry.service('user-service').subscribe(({ instances }) => seen.push(instances.length));
    await r.clock.advance(1);
    for (let port = 2; port <= 1_000; port++) r.store.put(instance(port), lease);
    await r.clock.advance(1);
    expect(seen).toEqual([1, 1_000]);
  });

  it('get the current snapshot when they come late, and nothing after they leave', async () => {
    const r = rig();
    const lease = list(r.store, 1);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    const seen: number[] = [];
    const leave = view.subscribe(({ instances }) => seen.push(instances.length));
    await r.clock.advance(1);
    leave();
    r.store.put(instance(2), lease);
    await r.clock.advance(1);
    expect(seen).toEqual([1]);
  });

  it('that throw harm nobody', async () => {
    const r = rig();
    const lease = list(r.store, 1);
    const view = r.registry.service('user-service');
    view.subscribe(() => {
      throw new Error('mine');
    });
    const seen: number[] = [];
    view.subscribe(({ instances }) => seen.push(instances.length));
    await r.clock.advance(1);
    r.store.put(instance(2), lease);
    await r.clock.advance(1);
    expect(seen).toEqual([1, 2]);
    expect(ofType(r.events, 'subscriber-failed')).toHaveLength(2);
  });

  it('that are slow skip to the newest', async () => {
    const r = rig();
    const lease = list(r.store, 1);
    const stop = new AbortController();
    const changes = r.registry.service('user-service').changes({ signal: stop.signal });
    const first = changes.next();
    await r.clock.advance(1);
    expect(ports((await first).value as Snapshot)).toEqual([1]);
    for (const port of [2, 3, 4]) {
      r.store.put(instance(port), lease);
      await r.clock.advance(1);
    }
    expect(ports((await changes.next()).value as Snapshot)).toEqual([1, 2, 3, 4]);
    const last = changes.next();
    stop.abort();
    expect((await last).done).toBe(true);
  });
});

describe('in an outage', () => {
  it('the last good list stays, and its age grows', async () => {
    const r = rig();
    list(r.store, 1, 2);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    r.store.setOutage(true);
    await r.clock.advance(600_000);
    expect(ports(view.snapshot)).toEqual([1, 2]);
    expect(view.snapshot?.ageMs).toBeGreaterThanOrEqual(600_000);
    expect([view.status, view.error?.code]).toEqual(['stale', 'UNAVAILABLE']);
    expect(ofType(r.events, 'list-stale')).toHaveLength(1);
    r.store.setOutage(false);
    await r.clock.advance(20_000);
    expect(view.status).toBe('live');
    expect(view.snapshot?.ageMs).toBeLessThan(20_000);
  });

  it('a first list is waited for, then refused with the reason', async () => {
    const r = rig({ config: { registry: { requestTimeoutMs: 1_000 } } });
    r.store.setOutage(true);
    const loading = r.registry.service('user-service').load();
    loading.catch(() => {});
    await r.clock.advance(1_000);
    await expect(loading).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: /first list of user-service: .*set to be out/,
    });
  });

  it('a first list comes when the registry comes', async () => {
    const r = rig();
    list(r.store, 1);
    r.store.setOutage(true);
    const loading = r.registry.service('user-service').load({ timeoutMs: 60_000 });
    await r.clock.advance(10_000);
    r.store.setOutage(false);
    await r.clock.advance(20_000);
    expect(ports(await loading)).toEqual([1]);
  });

  it('with maxStaleMs the list ends after that time: unknown, not empty', async () => {
    const r = rig({ config: { discovery: { maxStaleMs: 30_000 } } });
    list(r.store, 1);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    r.store.setOutage(true);
    await r.clock.advance(29_000);
    expect(ports(view.snapshot)).toEqual([1]);
    await r.clock.advance(2_000);
    expect(view.snapshot).toBeUndefined();
    r.store.setOutage(false);
    await r.clock.advance(20_000);
    expect(ports(view.snapshot)).toEqual([1]);
  });

  it('that is a refusal, a wait for the first list ends at once', async () => {
    const r = rig({
      adapter: (store) =>
        alteredAdapter(memoryAdapter({ store }), {
          watch: () => {
            throw new RegistryError('PERMISSION_DENIED', 'not for you');
          },
        }),
    });
    const loading = r.registry.service('user-service').load();
    loading.catch(() => {});
    await r.clock.advance(1);
    await expect(loading).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });
});

describe('a list that shrinks by mistake', () => {
  const config: RollcallConfigInput = { discovery: { protection: { minShare: 0.5, holdMs: 5_000 } } };

  async function followed(script = scripted()): Promise<{ r: Rig; script: typeof script }> {
    const r = rig({ config, adapter: script.adapter });
    list(r.store, 1, 2, 3, 4);
    r.registry.service('user-service');
    await r.clock.advance(0);
    script.list(1, 2, 3, 4);
    await r.clock.advance(1);
    return { r, script };
  }

  const view = ({ registry }: Rig) => registry.service('user-service');

  it('is held, and dropped when a second look shows the instances', async () => {
    const { r, script } = await followed();
    script.list();
    await r.clock.advance(1);
    expect(ports(view(r).snapshot)).toEqual([1, 2, 3, 4]);
    expect(view(r).snapshot?.source).toBe('held');
    await r.clock.advance(5_000);
    script.list(1, 2, 3, 4);
    await r.clock.advance(1);
    expect(ports(view(r).snapshot)).toEqual([1, 2, 3, 4]);
    expect(view(r).snapshot?.source).toBe('registry');
    expect(ofType(r.events, 'list-released')).toMatchObject([{ held: 4, believed: false }]);
  });

  it('is believed when a second look confirms it', async () => {
    const { r, script } = await followed();
    remove(r.store, 1, 2, 3, 4);
    script.list();
    await r.clock.advance(4_999);
    expect(ports(view(r).snapshot)).toEqual([1, 2, 3, 4]);
    await r.clock.advance(2);
    expect(ports(view(r).snapshot)).toEqual([]);
    expect(ofType(r.events, 'list-released')).toMatchObject([{ held: 4, believed: true }]);
  });

  it('is held for no longer when more such lists come', async () => {
    const { r, script } = await followed();
    remove(r.store, 1, 2, 3, 4);
    let told = 0;
    view(r).subscribe(() => told++);
    await r.clock.advance(0);
    for (let i = 0; i < 5; i++) {
      script.list();
      await r.clock.advance(999);
      expect(told).toBe(2);
    }
    await r.clock.advance(6);
    await r.clock.advance(2);
    expect(ports(view(r).snapshot)).toEqual([]);
  });

  it('is held for as long as the registry can not say', async () => {
    const { r, script } = await followed();
    script.list();
    await r.clock.advance(1);
    r.store.setOutage(true);
    await r.clock.advance(600_000);
    expect(ports(view(r).snapshot)).toEqual([1, 2, 3, 4]);
  });

  it('takes additions at once while it is held', async () => {
    const { r, script } = await followed();
    script.list(9);
    await r.clock.advance(1);
    expect(ports(view(r).snapshot)).toEqual([1, 2, 3, 4, 9]);
  });

  it('is believed at once when most remain', async () => {
    const { r, script } = await followed();
    script.list(1, 2);
    await r.clock.advance(1);
    expect(ports(view(r).snapshot)).toEqual([1, 2]);
  });

  it('is believed at once with protection off', async () => {
    const script = scripted();
    const r = rig({ config: { discovery: { protection: false } }, adapter: script.adapter });
    view(r);
    await r.clock.advance(0);
    script.list(1, 2, 3);
    await r.clock.advance(1);
    script.list();
    await r.clock.advance(1);
    expect(ports(view(r).snapshot)).toEqual([]);
  });

  it('does not hold who said OUT_OF_SERVICE before', async () => {
    const { r, script } = await followed();
    const leaving = [1, 2, 3].map((port) => defineInstance({ ...instance(port), status: 'OUT_OF_SERVICE' }));
    script.push({ kind: 'list', instances: [...leaving, instance(4)], skipped: [] });
    script.list(4);
    await r.clock.advance(1);
    expect([ports(view(r).snapshot), view(r).snapshot?.source]).toEqual([[4], 'registry']);
  });

  it('holds the others when only some said so', async () => {
    const script = scripted();
    const r = rig({ config, adapter: script.adapter });
    view(r);
    await r.clock.advance(0);
    script.list(1, 2, 3, 4, 5, 6);
    await r.clock.advance(1);
    const leaving = [1, 2].map((port) => defineInstance({ ...instance(port), status: 'OUT_OF_SERVICE' }));
    const staying = [3, 4, 5, 6].map((port) => instance(port));
    script.push({ kind: 'list', instances: [...leaving, ...staying], skipped: [] });
    script.list(6);
    await r.clock.advance(1);
    expect([ports(view(r).snapshot), view(r).snapshot?.source]).toEqual([[3, 4, 5, 6], 'held']);
  });

  it('does not hold what the registry says left, one by one', async () => {
    const r = rig({ config });
    list(r.store, 1, 2, 3);
    view(r);
    await r.clock.advance(1);
    remove(r.store, 1, 2, 3);
    await r.clock.advance(1);
    expect(ports(view(r).snapshot)).toEqual([]);
  });
});

describe('right after an outage', () => {
  const config: RollcallConfigInput = { discovery: { protection: { minShare: 0.5, holdMs: 5_000 } } };

  async function recovered(): Promise<Rig> {
    const r = rig({ config });
    list(r.store, 1, 2, 3);
    r.registry.service('user-service').subscribe(() => {});
    await r.clock.advance(1);
    r.store.setOutage(true);
    await r.clock.advance(10_000);
    r.store.setOutage(false);
    await r.clock.advance(5_000);
    expect(r.registry.service('user-service').status).toBe('live');
    return r;
  }

  it('who leaves without a word is held: everyone may have been expired before they could come back', async () => {
    const r = await recovered();
    const view = r.registry.service('user-service');
    remove(r.store, 1, 2, 3);
    await r.clock.advance(1);
    expect([ports(view.snapshot), view.snapshot?.source]).toEqual([[1, 2, 3], 'held']);
    list(r.store, 1, 2);
    await r.clock.advance(1);
    expect(ports(view.snapshot)).toEqual([1, 2, 3]);
    await r.clock.advance(5_001);
    expect([ports(view.snapshot), view.snapshot?.source]).toEqual([[1, 2], 'registry']);
  });

  it('who said OUT_OF_SERVICE before is not', async () => {
    const r = await recovered();
    const lease = list(r.store);
    r.store.put(defineInstance({ ...instance(1), status: 'OUT_OF_SERVICE' }), lease);
    await r.clock.advance(1);
    remove(r.store, 1);
    await r.clock.advance(1);
    expect(ports(r.registry.service('user-service').snapshot)).toEqual([2, 3]);
  });

  it('the doubt ends', async () => {
    const r = await recovered();
    await r.clock.advance(5_000);
    remove(r.store, 1, 2, 3);
    await r.clock.advance(1);
    expect(ports(r.registry.service('user-service').snapshot)).toEqual([]);
  });
});

describe('a watch that loses something', () => {
  it('is found out by the next relist, and read anew', async () => {
    const script = scripted();
    const r = rig({ config: { discovery: { relistIntervalMs: 10_000 } }, adapter: script.adapter });
    list(r.store, 1, 2);
    const view = r.registry.service('user-service');
    await r.clock.advance(0);
    script.list(1);
    await r.clock.advance(12_001);
    expect(ofType(r.events, 'resync')).toHaveLength(1);
    script.list(1, 2);
    await r.clock.advance(1);
    expect(ports(view.snapshot)).toEqual([1, 2]);
  });

  it('that loses nothing is left alone, and its age starts anew', async () => {
    const r = rig({ config: { discovery: { relistIntervalMs: 10_000 } } });
    const lease = list(r.store, 1, 2);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    r.store.put(instance(3), lease);
    remove(r.store, 1);
    view.subscribe(() => {});
    await r.clock.advance(600_000);
    expect(ofType(r.events, 'resync')).toEqual([]);
    expect(view.snapshot?.ageMs).toBeLessThanOrEqual(12_000);
    expect(view.snapshot?.version).toBe(2);
  });

  it('is begun anew when it ends, whatever it ends with', async () => {
    const script = scripted();
    const r = rig({ adapter: script.adapter });
    const view = r.registry.service('user-service');
    await r.clock.advance(0);
    script.list(1);
    await r.clock.advance(1);
    script.fail(new Error('boom'));
    await r.clock.advance(1);
    expect([view.status, ports(view.snapshot)]).toEqual(['stale', [1]]);
    await r.clock.advance(250);
    script.list(1, 2);
    await r.clock.advance(1);
    expect([view.status, ports(view.snapshot)]).toEqual(['live', [1, 2]]);
  });

  it('is not believed when it begins without a full list', async () => {
    const r = rig({
      adapter: (store) =>
        alteredAdapter(memoryAdapter({ store }), {
          async *watch() {
            yield { kind: 'delta', put: [instance(1)], removed: [], skipped: [] };
          },
        }),
    });
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    expect([view.snapshot, view.error?.code]).toEqual([undefined, 'PROTOCOL']);
  });

  it('hangs no longer than a request may take before its first list', async () => {
    const r = rig({
      config: { registry: { requestTimeoutMs: 1_000 } },
      adapter: (store) =>
        alteredAdapter(memoryAdapter({ store }), {
          // eslint-disable-next-line require-yield
          async *watch() {
            await new Promise(() => {});
          },
        }),
    });
    const view = r.registry.service('user-service');
    await r.clock.advance(1_001);
    expect(view.error?.code).toBe('DEADLINE_EXCEEDED');
    await r.registry.close();
    expect(r.clock.pending).toBe(0);
  });
});

describe('polling', () => {
  it.each([
    ['when it is asked for', { discovery: { mode: 'poll', pollIntervalMs: 1_000 } } as const, undefined],
    ['where the adapter can not watch', { discovery: { pollIntervalMs: 1_000 } } as const, 'no watch'],
  ])('%s, sees a change within the interval', async (_name, config, noWatch) => {
    const r = rig({
      config,
      adapter: (store) => {
        const adapter = alteredAdapter(memoryAdapter({ store }), {});
        if (noWatch) delete adapter.watch;
        return adapter;
      },
    });
    const lease = list(r.store, 1);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    r.store.put(instance(2), lease);
    expect(ports(view.snapshot)).toEqual([1]);
    await r.clock.advance(1_200);
    expect(ports(view.snapshot)).toEqual([1, 2]);
  });
});

describe('what nobody reads', () => {
  it('is no longer followed, and again when it is read', async () => {
    const r = rig({ config: { discovery: { idleMs: 60_000 } } });
    const lease = list(r.store, 1);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    expect(ports(view.snapshot)).toEqual([1]);
    await r.clock.advance(130_000);
    r.store.put(instance(2), lease);
    expect(view.snapshot).toBeUndefined();
    await r.clock.advance(1);
    expect(ports(view.snapshot)).toEqual([1, 2]);
    expect(r.registry.service('user-service').snapshot?.version).toBe(1);
  });

  it('is kept in an outage: it could not be had again', async () => {
    const r = rig({ config: { discovery: { idleMs: 60_000 } } });
    list(r.store, 1);
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    r.store.setOutage(true);
    await r.clock.advance(600_000);
    expect(ports(view.snapshot)).toEqual([1]);
  });

  it('is followed for as long as someone subscribes', async () => {
    const r = rig({ config: { discovery: { idleMs: 60_000 } } });
    const lease = list(r.store, 1);
    const seen: number[] = [];
    r.registry.service('user-service').subscribe(({ instances }) => seen.push(instances.length));
    await r.clock.advance(600_000);
    r.store.put(instance(2), lease);
    await r.clock.advance(1);
    expect(seen).toEqual([1, 2]);
  });
});

describe('what is followed', () => {
  it('is told with its list and how it is followed', async () => {
    const r = rig();
    list(r.store, 1);
    expect(r.registry.followed).toEqual([]);
    r.registry.service('user-service');
    expect(r.registry.followed).toMatchObject([{ key: SERVICE, status: 'connecting', snapshot: undefined }]);
    await r.clock.advance(1);
    expect(r.registry.followed).toMatchObject([{ key: SERVICE, status: 'live' }]);
    expect(ports(r.registry.followed[0]?.snapshot)).toEqual([1]);
    r.store.setOutage(true);
    await r.clock.advance(60_000);
    expect(r.registry.followed).toMatchObject([{ status: 'stale' }]);
  });

  it('is told with how often it was read, which to look at it is not', async () => {
    const r = rig({ config: { discovery: { idleMs: 60_000 } } });
    const view = r.registry.service('user-service');
    const lookups = () => r.registry.followed.map((each) => each.lookups);
    expect(lookups()).toEqual([1]);
    void view.snapshot;
    void view.status;
    await Promise.all([view.load(), r.clock.advance(1)]);
    view.subscribe(() => {})();
    expect(lookups()).toEqual([5]);
    expect(lookups()).toEqual([5]);
    await r.clock.advance(180_000);
    expect(lookups()).toEqual([]);
    void view.snapshot;
    expect(lookups()).toEqual([2]);
  });

  it('is not kept by those who look at it', async () => {
    const r = rig({ config: { discovery: { idleMs: 60_000 } } });
    r.registry.service('user-service');
    for (let i = 0; i < 13; i++) {
      await r.clock.advance(10_000);
      void r.registry.followed;
    }
    expect(r.registry.followed).toEqual([]);
  });
});

describe('an entry that can not be read', () => {
  it('is told once, and the others are listed', async () => {
    const r = rig({ config: { discovery: { relistIntervalMs: 1_000 } } });
    list(r.store, 1);
    r.store.plant({ ...SERVICE, id: 'torn' }, '{');
    const view = r.registry.service('user-service');
    await r.clock.advance(1);
    r.store.disconnect();
    await r.clock.advance(60_000);
    expect(ports(view.snapshot)).toEqual([1]);
    expect(ofType(r.events, 'entry-skipped').map(({ entry }) => entry.key)).toEqual(['torn']);
  });
});

describe('a list on disk', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rollcall-disk-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  /** Real files take real time: the clock goes on until the condition holds. */
  async function until(r: Rig, condition: () => boolean): Promise<void> {
    await expect.poll(async () => (await r.clock.advance(100), condition()), { interval: 1 }).toBe(true);
  }

  async function saveFrom(...shown: number[]): Promise<void> {
    const r = rig({ config: { discovery: { snapshotDir: dir } } });
    list(r.store, ...shown);
    const view = r.registry.service('user-service');
    await until(r, () => view.snapshot !== undefined);
    await r.registry.close();
  }

  it('answers while the registry is down, and says that it is from disk and how old', async () => {
    await saveFrom(1, 2);
    const r = rig({ config: { discovery: { snapshotDir: dir } } });
    r.store.setOutage(true);
    const view = r.registry.service('user-service');
    await until(r, () => view.snapshot !== undefined);
    expect(ports(view.snapshot)).toEqual([1, 2]);
    expect(view.snapshot?.source).toBe('disk');
    expect(view.status).not.toBe('live');
    expect(ofType(r.events, 'disk')).toMatchObject([{ instances: 2 }]);
    list((r.store.setOutage(false), r.store), 1, 2, 3);
    await until(r, () => view.snapshot?.source === 'registry');
    expect(ports(view.snapshot)).toEqual([1, 2, 3]);
    await r.registry.close();
  });

  describe('that is slow', () => {
    /** Reading the saved list waits until it is given. */
    async function slowDisk(): Promise<{ readonly r: Rig; readonly give: () => Promise<void> }> {
      await saveFrom(1, 2);
      const folder = join(dir, 'memory', 'default');
      const [file = ''] = await readdir(folder);
      const path = join(folder, file);
      const saved = await readFile(path);
      await rm(path);
      await promisify(execFile)('mkfifo', [path]);
      const r = rig({ config: { discovery: { snapshotDir: dir } } });
      r.store.setOutage(true);
      return { r, give: () => writeFile(path, saved) };
    }

    it('is waited for by who loads, past the deadline', async () => {
      const { r, give } = await slowDisk();
      const loading = r.registry.service('user-service').load({ timeoutMs: 2_000 });
      await r.clock.advance(2_500);
      await give();
      expect(ports(await loading)).toEqual([1, 2]);
      await r.registry.close();
    });

    it('is waited for a second, and not past the caller’s signal', async () => {
      const { r, give } = await slowDisk();
      const view = r.registry.service('user-service');
      const ended: string[] = [];
      const note = (name: string) => (error: RegistryError) => void ended.push(`${name}: ${error.code}`);
      view.load({ timeoutMs: 2_000 }).catch(note('second'));
      const controller = new AbortController();
      view.load({ timeoutMs: 2_000, signal: controller.signal }).catch(note('signal'));
      await r.clock.advance(2_500);
      expect(ended).toEqual([]);
      controller.abort();
      await r.clock.advance(400);
      expect(ended).toEqual(['signal: ABORTED']);
      await r.clock.advance(100);
      expect(ended).toEqual(['signal: ABORTED', 'second: UNAVAILABLE']);
      await give();
      await r.registry.close();
    });
  });

  it('is not used when the registry answers', async () => {
    await saveFrom(1, 2);
    const r = rig({ config: { discovery: { snapshotDir: dir } } });
    list(r.store, 3);
    const view = r.registry.service('user-service');
    await until(r, () => view.snapshot !== undefined);
    expect([ports(view.snapshot), view.snapshot?.source]).toEqual([[3], 'registry']);
    await r.clock.advance(1_000);
    await r.registry.close();
    expect(ofType(r.events, 'disk')).toEqual([]);
  });

  it('protects against a registry that restarted empty', async () => {
    await saveFrom(1, 2);
    const r = rig({ config: { discovery: { snapshotDir: dir } } });
    r.store.setOutage(true);
    const view = r.registry.service('user-service');
    await until(r, () => view.snapshot !== undefined);
    r.store.setOutage(false);
    await until(r, () => view.status === 'live');
    expect([ports(view.snapshot), view.snapshot?.source]).toEqual([[1, 2], 'held']);
    await r.registry.close();
  });

  it.each([
    ['torn', (text: string) => text.slice(0, -10)],
    ['altered', (text: string) => text.replace('10.0.0.7', '10.0.0.8')],
    ['not ours', () => 'hello'],
    ['empty', () => ''],
  ])('that is %s is not believed', async (_name, damage) => {
    await saveFrom(1, 2);
    const folder = join(dir, 'memory', 'default');
    const [file = ''] = await readdir(folder);
    const path = join(folder, file);
    await writeFile(path, damage(await readFile(path, 'utf8')));
    const r = rig({ config: { discovery: { snapshotDir: dir } } });
    r.store.setOutage(true);
    const view = r.registry.service('user-service');
    await until(r, () => ofType(r.events, 'disk').length > 0);
    expect(ofType(r.events, 'disk')[0]?.error).toMatchObject({
      code: 'PROTOCOL',
      message: /damaged.*delete it/,
    });
    expect(view.snapshot).toBeUndefined();
    await r.registry.close();
  });

  it('keeps every name and every field', async () => {
    const disk = new DiskSnapshots(dir, 'memory');
    const odd = defineInstance({
      namespace: '../up',
      service: 'a/b %',
      id: '","{}[]\\',
      host: 'h',
      port: 1,
      metadata: { __proto__: 'x', 'k"': '\n' },
    });
    await disk.save(odd, { instances: [odd], savedAt: 5 });
    expect(await disk.load(odd)).toStrictEqual({ instances: [odd], savedAt: 5 });
  });
});
