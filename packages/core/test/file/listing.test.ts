import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defineInstance } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/index.ts';
import {
  call,
  entryFiles,
  ids,
  leaseFiles,
  never,
  openAdapter,
  temporaryFolder,
  user,
  users,
} from './folders.ts';

const minute = { ttlMs: 60_000, signal: never };

describe('a registered instance', () => {
  it('is listed to another client as it was written', async () => {
    const dir = temporaryFolder();
    const [writer, reader] = [await openAdapter(dir), await openAdapter(dir)];
    const instance = user('7', {
      weight: 5,
      zone: 'eu-1a',
      tags: ['a'],
      metadata: { 'k/%': ' ü\n' },
      status: 'STARTING',
    });
    await writer.register(instance, minute);
    expect(await reader.discover(users, call)).toEqual({ instances: [instance], skipped: [] });
  });

  it('is replaced in place, in one file', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    await adapter.register(user('7', { weight: 9 }), minute);
    const { instances } = await adapter.discover(users, call);
    expect(instances.map(({ weight }) => weight)).toEqual([9]);
    expect(entryFiles(dir)).toHaveLength(1);
  });

  it('is replaced by whoever registers its id last, even when the clock stands still', async () => {
    const dir = temporaryFolder();
    const clock = new ManualClock();
    const [a, b, reader] = [
      await openAdapter(dir, clock),
      await openAdapter(dir, clock),
      await openAdapter(dir, clock),
    ];
    for (let weight = 1; weight <= 40; weight += 2) {
      await a.register(user('7', { weight }), minute);
      await b.register(user('7', { weight: weight + 1 }), minute);
      const { instances } = await reader.discover(users, call);
      expect(instances.map((one) => one.weight)).toEqual([weight + 1]);
    }
  });

  it('leaves no temporary file behind', async () => {
    const dir = temporaryFolder();
    await (await openAdapter(dir)).register(user('7'), minute);
    expect(readdirSync(join(dir, '.tmp'))).toEqual([]);
  });

  it('moves to the lease of another TTL without being listed twice', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const first = await adapter.register(user('7'), minute);
    const second = await adapter.register(user('7'), { ...minute, ttlMs: 30_000 });
    expect(second).not.toBe(first);
    expect(entryFiles(dir)).toHaveLength(1);
    expect(leaseFiles(dir)).toHaveLength(1);
  });
});

describe('a deregistered instance', () => {
  it('is gone, file and lease', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    await adapter.deregister(user('7'), call);
    await adapter.deregister(user('7'), call);
    expect(await ids(adapter)).toEqual([]);
    expect(entryFiles(dir)).toEqual([]);
    expect(leaseFiles(dir)).toEqual([]);
  });

  it('leaves its siblings and their lease alone', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    const lease = await adapter.register(user('8'), minute);
    await adapter.deregister(user('7'), call);
    await lease.renew?.(call);
    expect(await ids(adapter)).toEqual(['8']);
  });

  it('is gone for good, though a process before it used the same id and died', async () => {
    const dir = temporaryFolder();
    const [died, again] = [await openAdapter(dir), await openAdapter(dir)];
    await died.register(user('7'), minute);
    await died.close();
    await again.register(user('7'), minute);
    await again.deregister(user('7'), call);
    expect(await ids(again)).toEqual([]);
  });

  it('can be that of another process', async () => {
    const dir = temporaryFolder();
    const [owner, operator] = [await openAdapter(dir), await openAdapter(dir)];
    await owner.register(user('7'), minute);
    await operator.deregister(user('7'), call);
    expect(await ids(owner)).toEqual([]);
  });

  it('does not take the lease of one that is being registered', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    for (let i = 0; i < 50; i++) {
      await adapter.register(user('7'), minute);
      await Promise.all([adapter.deregister(user('7'), call), adapter.register(user('8'), minute)]);
      expect(await ids(adapter)).toEqual(['8']);
      await adapter.deregister(user('8'), call);
    }
  });
});

describe('a name', () => {
  it.each([
    '../../../escape',
    '..',
    '.',
    '.leases',
    '.tmp',
    'a/b',
    'ü%2F @*',
    'x'.repeat(240),
    '%',
    'a@b.json',
  ])('stays inside the folder and comes back as it was: %s', async (name) => {
    const dir = join(temporaryFolder(), 'inner');
    const adapter = await openAdapter(dir);
    const instance = defineInstance({ namespace: name, service: name, id: name, host: 'h', port: 1 });
    await adapter.register(instance, minute);
    expect((await adapter.discover(instance, call)).instances).toEqual([instance]);
    expect(await adapter.listServices(name, call)).toEqual([name]);
    expect(readdirSync(join(dir, '..'))).toEqual(['inner']);
    expect(readdirSync(dir).filter((entry) => !entry.startsWith('.'))).toHaveLength(1);
    await adapter.deregister(instance, call);
    expect((await adapter.discover(instance, call)).instances).toEqual([]);
  });

  it('in one namespace is apart from the same in another', async () => {
    const adapter = await openAdapter(temporaryFolder());
    await adapter.register(user('7', { namespace: 'a' }), minute);
    expect(await ids(adapter, { ...users, namespace: 'b' })).toEqual([]);
    expect(await adapter.listServices('b', call)).toEqual([]);
  });
});

describe('the lease', () => {
  it('is one file for all instances of a process', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const leases = await Promise.all(
      Array.from({ length: 100 }, (_, i) => adapter.register(user(`${i}`, { service: `s${i % 3}` }), minute)),
    );
    expect(new Set(leases).size).toBe(1);
    const [file = ''] = leaseFiles(dir);
    expect(leaseFiles(dir)).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(dir, '.leases', file), 'utf8'))).toEqual({
      ttlMs: 60_000,
      pid: process.pid,
    });
  });

  it('is moved to the nearest TTL that the registry takes', async () => {
    const adapter = await openAdapter(temporaryFolder());
    const { min, max } = adapter.capabilities.ttlRangeMs;
    expect((await adapter.register(user('7'), { ttlMs: 1, signal: never })).ttlMs).toBe(min);
    expect((await adapter.register(user('7'), { ttlMs: 1e12, signal: never })).ttlMs).toBe(max);
  });
});

describe('reading a service', () => {
  it('is an empty list when nobody registered it', async () => {
    expect(await (await openAdapter(temporaryFolder())).discover(users, call)).toEqual({
      instances: [],
      skipped: [],
    });
  });

  it('hands out the same object for an entry that did not change', async () => {
    const adapter = await openAdapter(temporaryFolder());
    await adapter.register(user('7'), minute);
    const [first, second] = [await adapter.discover(users, call), await adapter.discover(users, call)];
    expect(first.instances[0]).toBe(second.instances[0]);
  });

  it('lists 1 000 instances', async () => {
    const adapter = await openAdapter(temporaryFolder());
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => adapter.register(user(`${i}`), minute)));
    expect(new Set(await ids(adapter)).size).toBe(1_000);
  });
});

describe('a folder that is made', () => {
  it('is open to its owner alone', async () => {
    const dir = join(temporaryFolder(), 'deep', 'er');
    await openAdapter(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });
});
