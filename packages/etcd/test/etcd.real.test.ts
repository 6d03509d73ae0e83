import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WatchFollower } from '@rollcall/core/testing';
import { type RunningEtcd, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  defaultKey,
  emptyAfterEach,
  follow,
  instance,
  leasesOf,
  openAdapter,
  soon,
  ttlMs,
} from './real-etcd.ts';

let etcd: RunningEtcd;
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
});
afterAll(() => etcd.stop());
emptyAfterEach(() => etcd);

const open = (options = {}) => openAdapter({ endpoints: etcd.endpoints.slice(), ...options });
const put = (key: string, value: string) => etcd.etcdctl(['put', '--', key, value]);
const revokeAll = async () => {
  for (const id of await leasesOf(etcd)) await etcd.etcdctl(['lease', 'revoke', id]);
};
const get = async (key: string) => (await etcd.etcdctl(['get', key, '--print-value-only'])).trim();

describe('an entry', () => {
  it('stands under its key as flat JSON, seen by another client, and leaves with deregister', async () => {
    const [writer, reader] = [await open(), await open()];
    const full = instance('a/1', { zone: 'eu-1a', tags: ['x'], weight: 3, metadata: { ключ: 'знач' } });
    await writer.register(full, { ttlMs, ...soon() });
    expect(await get('/rollcall/default/user-service/a%2F1')).toBe(
      '{"host":"10.0.0.7","port":8080,"zone":"eu-1a","tags":["x"],"metadata":{"ключ":"знач"},"weight":3}',
    );
    expect((await reader.discover(defaultKey, soon())).instances).toEqual([full]);
    expect(await reader.listServices('default', soon())).toEqual(['user-service']);
    await reader.deregister(full, soon());
    expect(await reader.discover(defaultKey, soon())).toMatchObject({ instances: [], skipped: [] });
    expect(await reader.listServices('default', soon())).toEqual([]);
    await reader.deregister(full, soon());
  });

  it('is seen in its own namespace alone, and not by services whose name is like its own', async () => {
    const adapter = await open();
    const blue = instance('a', { namespace: 'blue' });
    await adapter.register(blue, { ttlMs, ...soon() });
    await adapter.register(instance('b', { service: 'user-service-2' }), { ttlMs, ...soon() });
    expect((await adapter.discover({ ...defaultKey, namespace: 'blue' }, soon())).instances).toEqual([blue]);
    expect((await adapter.discover(defaultKey, soon())).instances).toEqual([]);
    expect((await adapter.discover({ ...defaultKey, service: 'user-service-' }, soon())).instances).toEqual(
      [],
    );
    expect(await adapter.listServices('default', soon())).toEqual(['user-service-2']);
  });

  it('that can’t be read is reported and doesn’t hide the others', async () => {
    const adapter = await open();
    await adapter.register(instance('good'), { ttlMs, ...soon() });
    await put('/rollcall/default/user-service/torn', '{"host":');
    await put('/rollcall/default/user-service/%zz', '{}');
    await put('/rollcall/default/user-service/deep/er', '{}');
    await put('/rollcall/default/user-service/', '{}');
    await put('/rollcall/default/user-service/wrong', '{"host":"h","port":99999}');
    const list = await adapter.discover(defaultKey, soon());
    expect(list.instances.map(({ id }) => id)).toEqual(['good']);
    expect(
      list.skipped.map(({ key }) => key.slice('/rollcall/default/user-service/'.length)).toSorted(),
    ).toEqual([...['', '%zz', 'deep/er', 'torn', 'wrong']]);
    expect(list.skipped.find(({ key }) => key.endsWith('wrong'))?.reason).toContain('port');
    expect(await adapter.listServices('default', soon())).toEqual(['user-service']);
  });

  it('is one of 10 000 in a list read in pages at one revision', { timeout: 60_000 }, async () => {
    const adapter = await open();
    const ids = Array.from({ length: 10_000 }, (_, i) => `i${String(i).padStart(5, '0')}`);
    for (let i = 0; i < ids.length; i += 500) {
      await Promise.all(
        ids.slice(i, i + 500).map((id) => adapter.register(instance(id), { ttlMs: 60_000, ...soon(20_000) })),
      );
    }
    expect(await leasesOf(etcd)).toHaveLength(1);
    const list = await adapter.discover(defaultKey, soon());
    expect(list.instances.map(({ id }) => id)).toEqual(ids);
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.known.size).toBe(10_000));
    await put('/rollcall/default/user-service/new', '{"host":"h","port":1}');
    await vi.waitFor(() => expect(follower.known.has('new')).toBe(true));
  });
});

describe('the lease', () => {
  it('is one for all instances of the process, granted once even when they start together', async () => {
    const adapter = await open();
    const leases = await Promise.all(
      Array.from({ length: 20 }, (_, i) => adapter.register(instance(`i${i}`), { ttlMs: 9_500, ...soon() })),
    );
    expect(new Set(leases).size).toBe(1);
    expect(leases[0]?.ttlMs).toBe(10_000);
    expect(await leasesOf(etcd)).toHaveLength(1);
  });

  it('is revoked with its last entry, so that a write that comes late can’t bring one back', async () => {
    const adapter = await open();
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    const first = await adapter.register(instance('b'), { ttlMs, ...soon() });
    const [id = ''] = await leasesOf(etcd);
    await adapter.deregister(instance('a'), soon());
    expect(await leasesOf(etcd)).toEqual([id]);
    await adapter.deregister(instance('b'), soon());
    expect(await leasesOf(etcd)).toEqual([]);
    const late = etcd.etcdctl(['put', '--lease', id, '/rollcall/default/user-service/b', '{}']);
    await expect(late).rejects.toThrow('lease not found');
    const next = await adapter.register(instance('b'), { ttlMs, ...soon() });
    expect(next).not.toBe(first);
  });

  it('that an operator revoked is lost, at the next beat and at the next write; then there is a new one', async () => {
    const adapter = await open();
    const first = await adapter.register(instance('a'), { ttlMs, ...soon() });
    expect(first.lost?.aborted).toBe(false);
    await revokeAll();
    await expect(first.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(first.lost?.aborted).toBe(true);

    const second = await adapter.register(instance('a'), { ttlMs, ...soon() });
    await revokeAll();
    await expect(adapter.register(instance('a'), { ttlMs, ...soon() })).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect(second.lost?.aborted).toBe(true);
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    expect((await adapter.discover(defaultKey, soon())).instances).toHaveLength(1);
  });

  it('is left as it is by an override, also of a client that has one of its own', async () => {
    const [owner, operator] = [await open(), await open()];
    await owner.register(instance('a', { zone: 'eu-1a' }), { ttlMs, ...soon() });
    await operator.register(instance('b'), { ttlMs, ...soon() });
    const leaseOf = async () =>
      JSON.parse(await etcd.etcdctl(['get', '/rollcall/default/user-service/a', '--write-out=json'])) as {
        kvs: [{ lease: number; value: string }];
      };
    const [before] = (await leaseOf()).kvs;
    await operator.override({ ...defaultKey, id: 'a' }, { status: 'OUT_OF_SERVICE', weight: 3 }, soon());
    const [after] = (await leaseOf()).kvs;
    expect(after.lease).toBe(before.lease);
    expect(JSON.parse(Buffer.from(after.value, 'base64').toString())).toEqual({
      host: '10.0.0.7',
      port: 8080,
      zone: 'eu-1a',
      status: 'OUT_OF_SERVICE',
      weight: 3,
    });
  });

  it('has the TTL that etcd granted, where that is more than was asked', async () => {
    const adapter = await open();
    const lease = await adapter.register(instance('a'), { ttlMs: 10, ...soon() });
    expect(lease.ttlMs).toBe(adapter.capabilities.ttlRangeMs.min);
  });

  it('moves with the entry to another TTL, and the old one is revoked', async () => {
    const adapter = await open();
    await adapter.register(instance('a'), { ttlMs: 10_000, ...soon() });
    const lease = await adapter.register(instance('a', { weight: 2 }), { ttlMs: 20_000, ...soon() });
    expect(lease.ttlMs).toBe(20_000);
    expect(await leasesOf(etcd)).toHaveLength(1);
    expect((await adapter.discover(defaultKey, soon())).instances).toMatchObject([{ weight: 2 }]);
  });
});

describe('a watch', () => {
  it('starts with the list, then tells each change: added, changed, removed, spoiled', async () => {
    const adapter = await open();
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await adapter.register(instance('b'), { ttlMs, ...soon() });
    await adapter.register(instance('b', { weight: 2 }), { ttlMs, ...soon() });
    await adapter.deregister(instance('a'), soon());
    await put('/rollcall/default/user-service/b', 'nonsense');
    await put('/rollcall/default/user-service/%zz', 'nonsense');
    await etcd.etcdctl(['del', '/rollcall/default/user-service/%zz']);
    await adapter.register(instance('c'), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(follower.known.has('c')).toBe(true));
    const deltas = follower.events.filter((event) => event.kind === 'delta');
    expect(follower.events[0]).toMatchObject({ kind: 'list', instances: [{ id: 'a' }] });
    expect(deltas.flatMap(({ put: instances }) => instances.map(({ id, weight }) => [id, weight]))).toEqual([
      ...[
        ['b', 1],
        ['b', 2],
        ['c', 1],
      ],
    ]);
    expect(deltas.flatMap(({ removed }) => removed)).toEqual(['a', 'b']);
    expect(deltas.flatMap(({ skipped }) => skipped.map(({ key }) => key))).toEqual([
      '/rollcall/default/user-service/b',
      '/rollcall/default/user-service/%zz',
    ]);
    await follower.stop();
    expect(await follower.ended).toMatchObject({ code: 'ABORTED' });
  });

  it(
    'loses and doubles nothing while everything changes, whenever it starts',
    { timeout: 60_000 },
    async () => {
      const [writer, reader] = [await open(), await open()];
      const versions = new Map<string, number>();
      const write = async (worker: number) => {
        for (let n = 0; n < 250; n++) {
          const id = `w${worker}-${n % 5}`;
          if (n % 7 === 6) await writer.deregister(instance(id), soon());
          else await writer.register(instance(id, { weight: n }), { ttlMs, ...soon() });
          if (n % 7 === 6) versions.delete(id);
          else versions.set(id, n);
        }
      };
      const writing = Promise.all([0, 1, 2, 3].map(write));
      const followers: WatchFollower[] = [];
      while (followers.length < 6) {
        const follower = follow(reader);
        followers.push(follower);
        await vi.waitFor(() => expect(follower.events.length).toBeGreaterThan(2), { timeout: 10_000 });
      }
      await writing;
      for (const follower of followers) {
        await vi.waitFor(() => {
          expect(new Map([...follower.known].map(([id, { weight }]) => [id, weight]))).toEqual(versions);
        });
        // In order, no revision twice, no change twice, and up to the last.
        const revisions = follower.events.map(({ revision }) => Number(revision));
        expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
        expect(new Set(revisions).size).toBe(revisions.length);
        const [first = 0] = revisions;
        const changes = follower.events.flatMap((event) =>
          event.kind === 'delta' ? [...event.put, ...event.removed] : [],
        );
        const last = Number((await reader.discover(defaultKey, soon())).revision);
        expect(changes.length).toBeLessThanOrEqual(last - first);
        expect(revisions.at(-1)).toBe(last);
      }
    },
  );

  it('tells what changed after its list and before it began', async () => {
    const adapter = await open();
    const events = adapter.watch(defaultKey, soon())[Symbol.asyncIterator]();
    const list = await events.next();
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    await adapter.register(instance('b'), { ttlMs, ...soon() });
    await adapter.register(instance('c'), { ttlMs, ...soon() });
    await adapter.deregister(instance('b'), soon());
    expect(list.value).toMatchObject({ kind: 'list', instances: [] });
    // History is told in one go: of `b`, which came and went, the last counts.
    const told = { kind: 'delta', put: [{ id: 'a' }, { id: 'c' }], removed: ['b'] };
    expect((await events.next()).value).toMatchObject(told);
    await events.return?.();
  });

  it('tells the changes of one transaction as one delta', async () => {
    const adapter = await open({ layout: 'go-zero' });
    await put('user-service/gone', 'h:1');
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    const input = '\nput user-service/x h:1\nput user-service/y h:2\ndel user-service/gone\n\n\n';
    await etcd.etcdctl(['txn'], { input });
    await vi.waitFor(() => expect(follower.events).toHaveLength(2));
    expect(follower.events[1]).toMatchObject({ put: [{ id: 'x' }, { id: 'y' }], removed: ['gone'] });
  });

  it('ends as UNAVAILABLE when the changes that it would tell are compacted; the next one lists again', async () => {
    const adapter = await open();
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    const events = adapter.watch(defaultKey, soon())[Symbol.asyncIterator]();
    await events.next();
    // The reader is busy; the changes after its list are made and compacted before it asks for them.
    await adapter.deregister(instance('a'), soon());
    await adapter.register(instance('b'), { ttlMs, ...soon() });
    const { revision = '' } = await adapter.discover(defaultKey, soon());
    await etcd.etcdctl(['compact', revision]);
    await expect(events.next()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('compacted') as string,
    });
    const follower = follow(adapter);
    await vi.waitFor(() => expect([...follower.known.keys()]).toEqual(['b']));
  });

  it('of the services tells their names when one comes or goes, and not otherwise', async () => {
    const adapter = await open();
    const seen: string[][] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const names of adapter.watchServices('default', { signal: stop.signal }))
        seen.push(names.toSorted());
    })();
    await vi.waitFor(() => expect(seen).toEqual([[]]));
    await adapter.register(instance('1'), { ttlMs, ...soon() });
    await adapter.register(instance('2'), { ttlMs, ...soon() });
    await adapter.register(instance('2', { weight: 3 }), { ttlMs, ...soon() });
    await adapter.register(instance('3', { service: 'b' }), { ttlMs, ...soon() });
    await adapter.deregister(instance('1'), soon());
    await adapter.deregister(instance('2'), soon());
    await vi.waitFor(() => expect(seen).toEqual([[], ['user-service'], ['b', 'user-service'], ['b']]));
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('other layouts', () => {
  it.each([
    ['kratos', '/microservices/user-service/a', 'endpoints'],
    ['grpc-naming', 'user-service/a', 'Addr'],
    ['go-zero', 'user-service/a', '10.0.0.7:8080'],
  ] as const)('%s: written, read, watched and removed under %s', async (layout, key, part) => {
    const adapter = await open({ layout });
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await adapter.register(instance('a'), { ttlMs, ...soon() });
    await adapter.register(instance('z', { service: 'user-service/inner' }), { ttlMs, ...soon() });
    expect(await get(key)).toContain(part);
    expect((await adapter.discover(defaultKey, soon())).instances).toEqual([instance('a')]);
    expect((await adapter.listServices('default', soon())).toSorted()).toEqual([
      'user-service',
      'user-service/inner',
    ]);
    await adapter.deregister(instance('a'), soon());
    await vi.waitFor(() => expect(follower.events).toHaveLength(3));
    expect(follower.events.slice(1)).toMatchObject([{ put: [{ id: 'a' }] }, { removed: ['a'] }]);
  });
});

describe('every call', () => {
  it('ends when its signal does, and leaves no lease behind', async () => {
    const adapter = await open();
    const aborted = { signal: AbortSignal.abort() };
    const calls = [
      () => adapter.register(instance('a'), { ttlMs, ...aborted }),
      () => adapter.deregister(instance('a'), aborted),
      () => adapter.discover(defaultKey, aborted),
      () => adapter.listServices('default', aborted),
      () => adapter.watch(defaultKey, aborted)[Symbol.asyncIterator]().next(),
      () => adapter.watchServices('default', aborted)[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({ name: 'RegistryError', code: 'ABORTED' });
    expect(await leasesOf(etcd)).toEqual([]);
  });

  it('of a closed adapter is refused, and those under way end', async () => {
    const adapter = await open();
    const follower = follow(adapter);
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await adapter.close();
    await adapter.close();
    expect(await follower.ended).toMatchObject({ code: 'CLOSED' });
    await expect(adapter.discover(defaultKey, soon())).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('leaves nothing that keeps the process from its end', async () => {
    const program = fileURLToPath(new URL('fixtures/open-use-close.ts', import.meta.url));
    const argv = ['--conditions=@rollcall/source', '--import', 'tsx', program, etcd.endpoints[0] ?? ''];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ left: [] });
  });
});
