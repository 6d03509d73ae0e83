import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { availability, startRegistry } from '@rollcall-tools/registries';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { isAtLeast } from '../src/recipes/go-build.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-start-test-'));
  vi.stubEnv('ROLLCALL_CACHE', folder);
  vi.stubEnv('PATH', folder);
  vi.stubEnv('ROLLCALL_ETCD_ENDPOINTS', '');
  vi.stubEnv('ROLLCALL_ETCD_BIN', '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('where a server comes from', () => {
  it('an address that the environment names comes first, and is never stopped or restarted', async () => {
    vi.stubEnv('ROLLCALL_ETCD_ENDPOINTS', '10.0.0.1:2379, https://10.0.0.2:2379');
    const etcd = await startRegistry('etcd');
    expect(etcd.endpoints).toEqual(['http://10.0.0.1:2379', 'https://10.0.0.2:2379']);
    expect(etcd.nodes).toEqual([]);
    await expect(etcd.restart()).rejects.toThrow('own: true');
    await expect(etcd.etcdctl(['get', 'a'])).rejects.toThrow('etcdctl is needed');
    await etcd.stop();
  });

  it('an address is passed over when the caller needs a server of its own', () => {
    vi.stubEnv('ROLLCALL_ETCD_ENDPOINTS', '10.0.0.1:2379');
    expect(availability('etcd').available).toBe(true);
    for (const options of [
      { own: true },
      { nodes: 3 as const },
      { tls: true },
      { auth: { rootPassword: 'x' } },
    ]) {
      expect(availability('etcd', options).available).toBe(false);
    }
  });

  it('then the program that the environment names, then PATH', async () => {
    await program('etcd');
    await program('etcdctl');
    expect(availability('etcd')).toEqual({ available: true, source: `PATH (${folder})` });
    vi.stubEnv('ROLLCALL_ETCD_BIN', join(folder, 'etcd'));
    expect(availability('etcd')).toEqual({ available: true, source: 'ROLLCALL_ETCD_BIN' });
  });

  it('PATH counts only with every program that is needed', async () => {
    await program('etcd');
    expect(availability('etcd').available).toBe(false);
  });

  it('a named program that is not there is an error that names the variable', async () => {
    vi.stubEnv('ROLLCALL_ETCD_BIN', join(folder, 'nothing'));
    expect(availability('etcd')).toMatchObject({ reason: expect.stringContaining('ROLLCALL_ETCD_BIN') });
    await expect(startRegistry('etcd')).rejects.toThrow('ROLLCALL_ETCD_BIN');
  });

  it('with nothing at all, it says what to do', () => {
    expect(availability('etcd')).toMatchObject({ reason: expect.stringContaining('prepare etcd') });
  });
});

describe('isAtLeast', () => {
  it.each([
    ['go1.26.8', '1.26', true],
    ['go1.26', '1.26', true],
    ['go1.27rc1', '1.26', true],
    ['go1.9.1', '1.26', false],
    ['go1.19.8', '1.26', false],
    ['go2.0', '1.26', true],
  ])('%s is at least %s: %s', (have, needed, answer) => {
    expect(isAtLeast(have, needed)).toBe(answer);
  });
});

async function program(name: string): Promise<void> {
  await writeFile(join(folder, name), '#!/bin/sh\n');
  await chmod(join(folder, name), 0o755);
}
