import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { defaultDir, fileAdapter } from '../../src/file/index.ts';
import { RegistryError } from '../../src/index.ts';
import { startChild } from './children.ts';
import { call, ids, leaseFiles, never, openAdapter, temporaryFolder, user, users } from './folders.ts';

const minute = { ttlMs: 60_000, signal: never };
const isRoot = process.getuid?.() === 0;

describe('a registry folder that is removed while running', () => {
  it.each(['whole', '.leases'])('(%s) is an error, never an empty list', async (what) => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    rmSync(what === 'whole' ? dir : join(dir, what), { recursive: true });
    const gone = { code: 'UNAVAILABLE', message: expect.stringContaining(dir) };
    await expect(adapter.discover(users, call)).rejects.toMatchObject(gone);
    await expect(adapter.discover({ ...users, service: 'other' }, call)).rejects.toMatchObject(gone);
    await expect(adapter.listServices('default', call)).rejects.toMatchObject(gone);
    await expect(adapter.deregister(user('7'), call)).rejects.toMatchObject(gone);
  });

  it('is made again by who registers', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    const lease = await adapter.register(user('7'), minute);
    rmSync(dir, { recursive: true });
    await expect(lease.renew?.(call)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await adapter.register(user('7'), minute);
    expect(await ids(adapter)).toEqual(['7']);
  });

  it('tells LEASE_LOST to who registers before it noticed', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    rmSync(dir, { recursive: true });
    await expect(adapter.register(user('7'), minute)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await adapter.register(user('7'), minute);
    expect(await ids(adapter)).toEqual(['7']);
  });

  it('heals from the loss of the temporary folder alone', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    await adapter.register(user('7'), minute);
    rmSync(join(dir, '.tmp'), { recursive: true });
    await adapter.register(user('8'), minute);
    expect(await ids(adapter)).toEqual(['7', '8']);
    expect(leaseFiles(dir)).toHaveLength(1);
  });
});

describe('a path that is no folder', () => {
  it('is an error that says so, at open', async () => {
    const dir = join(temporaryFolder(), 'file');
    writeFileSync(dir, '');
    for (const path of [dir, join(dir, 'below')]) {
      const opened = fileAdapter({ dir: path }).open(never);
      await expect(opened).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('not a folder'),
      });
    }
  });

  it('is an error when a service is read', async () => {
    const dir = temporaryFolder();
    const adapter = await openAdapter(dir);
    mkdirSync(join(dir, 'default'));
    writeFileSync(join(dir, 'default', 'user-service'), '');
    await expect(adapter.discover(users, call)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('the default folder', () => {
  it('is made for this user', async () => {
    const dir = inTemporary();
    const adapter = fileAdapter();
    await adapter.open(never);
    await adapter.register(user('7'), minute);
    expect(dir).toMatch(/rollcall-\d+$/u);
    expect(leaseFiles(dir)).toHaveLength(1);
  });

  it('is refused when others can write to it', async () => {
    const dir = inTemporary();
    mkdirSync(dir);
    chmodSync(dir, 0o777);
    await expect(fileAdapter().open(never)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('written by other users'),
    });
  });

  it('is refused when it is a link', async () => {
    symlinkSync(temporaryFolder(), inTemporary());
    await expect(fileAdapter().open(never)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it.runIf(isRoot)('is refused when it belongs to another user', async () => {
    const dir = inTemporary();
    mkdirSync(dir, { mode: 0o700 });
    chownSync(dir, 65_534, 65_534);
    await expect(fileAdapter().open(never)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: expect.stringContaining('another user (id 65534)'),
    });
  });
});

describe('a folder of another user', () => {
  // Nobody is refused anything when they are root, and only root can become another.
  it.runIf(isRoot)(
    'is PERMISSION_DENIED in every call',
    async () => {
      const dir = temporaryFolder();
      const adapter = await openAdapter(dir);
      await adapter.register(user('7'), minute);
      const child = startChild(dir, 'lookAs', { uid: 65_534 });
      await vi.waitFor(() => expect(child.told).toHaveLength(3), 10_000);
      expect(child.told).toEqual(['discover', 'register', 'open'].map((what) => `${what} PERMISSION_DENIED`));
    },
    15_000,
  );
});

describe('options', () => {
  it.each([{ path: '/tmp' }, { dir: 7 }, { dir: '' }])('that are wrong are refused: %j', (options) => {
    // @ts-expect-error The types refuse them too.
    expect(() => fileAdapter(options)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });
});

describe('every call', () => {
  it('heeds a signal that is aborted', async () => {
    const adapter = await openAdapter(temporaryFolder());
    const lease = await adapter.register(user('7'), minute);
    const signal = AbortSignal.abort();
    const calls = [
      adapter.open(signal),
      adapter.register(user('8'), { ttlMs: 1_000, signal }),
      adapter.deregister(user('7'), { signal }),
      adapter.discover(users, { signal }),
      adapter.listServices('default', { signal }),
      lease.renew?.({ signal }),
      adapter.watch?.(users, { signal })[Symbol.asyncIterator]().next(),
      adapter.watchServices?.('default', { signal })[Symbol.asyncIterator]().next(),
    ];
    for (const one of calls) await expect(one).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await ids(adapter)).toEqual(['7']);
  });

  it('tells a deadline from an abort', async () => {
    const adapter = await openAdapter(temporaryFolder());
    const signal = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
    await expect(adapter.discover(users, { signal })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('is refused after close', async () => {
    const adapter = await openAdapter(temporaryFolder());
    await adapter.close();
    await adapter.close();
    await expect(adapter.discover(users, call)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(adapter.register(user('7'), minute)).rejects.toBeInstanceOf(RegistryError);
  });
});

/** Makes the system's temporary folder one of this test's own; returns the default folder in it. */
function inTemporary(): string {
  const dir = temporaryFolder();
  vi.stubEnv('TMPDIR', dir);
  onTestFinished(() => void vi.unstubAllEnvs());
  return defaultDir();
}
