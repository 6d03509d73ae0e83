import { rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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

const tenSeconds = { ttlMs: 10_000, signal: never };

async function setUp() {
  const dir = temporaryFolder();
  const clock = new ManualClock();
  const [owner, reader] = [await openAdapter(dir, clock), await openAdapter(dir, clock)];
  return { dir, clock, owner, reader };
}

describe('an instance whose process is silent', () => {
  it('is listed until its TTL has passed, then no more', async () => {
    const { clock, owner, reader } = await setUp();
    await owner.register(user('7'), tenSeconds);
    await clock.advance(9_990);
    expect(await ids(reader)).toEqual(['7']);
    await clock.advance(11);
    expect(await ids(reader)).toEqual([]);
    expect(await reader.listServices('default', call)).toEqual([]);
  });

  it('stays listed while it beats', async () => {
    const { clock, owner, reader } = await setUp();
    const lease = await owner.register(user('7'), tenSeconds);
    for (let i = 0; i < 5; i++) {
      await clock.advance(9_000);
      await lease.renew?.(call);
    }
    expect(await ids(reader)).toEqual(['7']);
  });

  it('comes back with a late beat, as long as nobody swept it', async () => {
    const { clock, owner, reader } = await setUp();
    const lease = await owner.register(user('7'), tenSeconds);
    await clock.advance(19_000);
    expect(await ids(reader)).toEqual([]);
    await lease.renew?.(call);
    expect(await ids(reader)).toEqual(['7']);
  });

  it('is swept, file and lease, by who looks after a further TTL', async () => {
    const { dir, clock, owner, reader } = await setUp();
    await owner.register(user('7'), tenSeconds);
    await clock.advance(20_001);
    expect(await ids(reader)).toEqual([]);
    expect(entryFiles(dir)).toEqual([]);
    expect(leaseFiles(dir)).toEqual([]);
  });

  it('is swept by who lists the services, too', async () => {
    const { dir, clock, owner, reader } = await setUp();
    await owner.register(user('7'), tenSeconds);
    await clock.advance(20_001);
    expect(await reader.listServices('default', call)).toEqual([]);
    expect(leaseFiles(dir)).toEqual([]);
  });

  it('whose lease has no entry is swept by who opens the registry', async () => {
    const { dir, clock, owner } = await setUp();
    await owner.register(user('7'), tenSeconds);
    rmSync(join(dir, 'default'), { recursive: true });
    await clock.advance(20_001);
    await openAdapter(dir, clock);
    expect(leaseFiles(dir)).toEqual([]);
  });
});

describe('a process that was swept', () => {
  it('is told so at its next beat, and is listed again when it registers', async () => {
    const { dir, clock, owner, reader } = await setUp();
    const lease = await owner.register(user('7'), tenSeconds);
    await clock.advance(20_001);
    await ids(reader);
    await expect(lease.renew?.(call)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const next = await owner.register(user('7'), tenSeconds);
    expect(next).not.toBe(lease);
    expect(await ids(reader)).toEqual(['7']);
    expect(entryFiles(dir)).toHaveLength(1);
  });

  it('is told so when it registers first; the call after that gets a new lease', async () => {
    const { dir, clock, owner, reader } = await setUp();
    await owner.register(user('7'), tenSeconds);
    await clock.advance(20_001);
    await ids(reader);
    await expect(owner.register(user('7'), tenSeconds)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(entryFiles(dir)).toEqual([]);
    await owner.register(user('7'), tenSeconds);
    expect(await ids(reader)).toEqual(['7']);
  });

  it('keeps what another process registered under its id meanwhile', async () => {
    const { dir, clock, owner, reader } = await setUp();
    await owner.register(user('7', { weight: 1 }), tenSeconds);
    await clock.advance(15_000);
    await reader.register(user('7', { weight: 2 }), tenSeconds);
    expect(entryFiles(dir)).toHaveLength(2);
    await clock.advance(6_000);
    const { instances } = await reader.discover(users, call);
    expect(instances.map(({ weight }) => weight)).toEqual([2]);
    expect(entryFiles(dir)).toHaveLength(1);
  });

  it('never loses an entry to sweepers that work while it registers again', async () => {
    const { clock, dir, owner } = await setUp();
    const sweepers = await Promise.all(Array.from({ length: 4 }, () => openAdapter(dir, clock)));
    for (let round = 0; round < 30; round++) {
      await clock.advance(20_001);
      const sweeps = sweepers.map((sweeper) => sweeper.discover(users, call));
      const put = () => owner.register(user('7', { weight: round }), tenSeconds);
      const again = put().catch(put);
      await Promise.all([...sweeps, again]);
      // A sweeper may have judged the lease just before the beat: then the owner is told, and heals.
      const lease = await again;
      await lease.renew?.(call).catch(put);
      const { instances } = await (sweepers[0] ?? owner).discover(users, call);
      expect(instances.map(({ weight }) => weight)).toEqual([round]);
    }
  });

  it('loses its lease to an operator who removes the file', async () => {
    const { dir, owner, reader } = await setUp();
    const lease = await owner.register(user('7'), tenSeconds);
    unlinkSync(join(dir, '.leases', leaseFiles(dir)[0] ?? ''));
    expect(await ids(reader)).toEqual([]);
    await expect(lease.renew?.(call)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });
});

describe('a clock that was set back', () => {
  it('does not keep a dead process listed for longer than its TTL', async () => {
    const dir = temporaryFolder();
    const hour = 3_600_000;
    const owner = await openAdapter(dir, new ManualClock(Date.UTC(2026, 0, 1) + hour));
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const reader = await openAdapter(dir, clock);
    await owner.register(user('7'), tenSeconds);
    expect(await ids(reader)).toEqual(['7']);
    await clock.advance(10_001);
    expect(await ids(reader)).toEqual([]);
  });
});
