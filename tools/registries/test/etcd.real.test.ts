import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';

import { availability, type RunningEtcd, startRegistry, type StartOptions } from '@rollcall-tools/registries';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { isAlive } from '../src/cache-lock.ts';
import { httpLook } from '../src/http-look.ts';

const own = { own: true } satisfies StartOptions;
const here = availability('etcd', own);
const started: RunningEtcd[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((etcd) => etcd.stop()));
});

describe.skipIf(!here.available)(`a real etcd${here.available ? '' : ` (${here.reason})`}`, () => {
  it('serves when startRegistry resolves', async () => {
    const etcd = await start();
    await etcd.etcdctl(['put', 'greeting', 'hello']);
    expect(await etcd.etcdctl(['get', 'greeting', '--print-value-only'])).toBe('hello\n');
  });

  it('leaves neither process nor folder behind after stop, even when it is frozen', async () => {
    const etcd = await start();
    const node = only(etcd);
    expect(isAlive(node.pid)).toBe(true);
    node.freeze();
    await etcd.stop();
    await etcd.stop();
    expect(isAlive(node.pid)).toBe(false);
    expect(existsSync(folderOf(etcd))).toBe(false);
  });

  it('keeps its data and its endpoint over kill and restart', async () => {
    const etcd = await start();
    const node = only(etcd);
    const { pid, endpoint } = node;
    await etcd.etcdctl(['put', 'kept', 'yes']);
    await node.kill();
    expect([node.running, isAlive(pid)]).toEqual([false, false]);
    await expect(
      etcd.etcdctl(['get', 'kept', '--dial-timeout=300ms', '--command-timeout=300ms']),
    ).rejects.toThrow('etcdctl get');
    await node.restart();
    expect(node.pid).not.toBe(pid);
    expect(node.endpoint).toBe(endpoint);
    expect(await etcd.etcdctl(['get', 'kept', '--print-value-only'])).toBe('yes\n');
  });

  it('is empty after a restart with wipe', async () => {
    const etcd = await start();
    await etcd.etcdctl(['put', 'kept', 'yes']);
    await only(etcd).restart({ wipe: true });
    expect(await etcd.etcdctl(['get', 'kept'])).toBe('');
  });

  it('does not answer while frozen and goes on after thaw', async () => {
    const etcd = await start();
    const node = only(etcd);
    node.freeze();
    await expect(etcd.etcdctl(['get', 'a', '--command-timeout=500ms'])).rejects.toThrow('deadline exceeded');
    expect(node.running).toBe(true);
    node.thaw();
    expect(await etcd.etcdctl(['put', 'a', 'b'])).toBe('OK\n');
  });

  it('asks for the root password when auth is on, also after it was wiped', async () => {
    const etcd = await start({ auth: { rootPassword: 'open:sesame' } });
    expect(etcd.auth).toEqual({ username: 'root', password: 'open:sesame' });
    for (const round of ['started', 'wiped']) {
      /* oxlint-disable no-await-in-loop -- the second round is after the restart */
      if (round === 'wiped') await etcd.restart({ wipe: true });
      await etcd.etcdctl(['put', 'a', round]);
      await expect(etcd.etcdctl(['get', 'a'], { user: null })).rejects.toThrow('user name is empty');
      const wrong = { username: 'root', password: 'wrong' };
      await expect(etcd.etcdctl(['get', 'a'], { user: wrong })).rejects.toThrow('authentication failed');
      /* oxlint-enable no-await-in-loop */
    }
  });

  it('speaks TLS, and with mutual TLS refuses a client without a certificate', async () => {
    const plain = await start({ tls: true });
    expect(plain.endpoints[0]).toMatch(/^https:/);
    expect(plain.tls).toEqual({ caFile: expect.any(String) });
    expect(await plain.etcdctl(['put', 'a', 'b'])).toBe('OK\n');

    const mutual = await start({ tls: 'mutual' });
    expect(await mutual.etcdctl(['put', 'a', 'b'])).toBe('OK\n');
    const { caFile = '', ...clientPair } = mutual.tls ?? {};
    const health = `${mutual.endpoints[0]}/health`;
    expect(await httpLook(health, { caFile, ...clientPair })).toContain('true');
    expect(await httpLook(health, { caFile })).toBeUndefined();
  });

  it('says what the server said when it does not start, and cleans up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-test-'));
    vi.stubEnv('TMPDIR', folder);
    await expect(start({ flags: ['--no-such-flag'] })).rejects.toThrow('no-such-flag');
    expect(await readdir(folder)).toEqual([]);
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it('refuses a port that is in use, by its number', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(start({ port })).rejects.toThrow(`port ${port}`);
    holder.close();
  });

  it('runs four times at once without a clash', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => start()));
    await Promise.all(all.map((etcd, index) => etcd.etcdctl(['put', 'mine', String(index)])));
    const values = await Promise.all(all.map((etcd) => etcd.etcdctl(['get', 'mine', '--print-value-only'])));
    expect(values).toEqual(['0\n', '1\n', '2\n', '3\n']);
  });
});

describe.skipIf(!here.available)(`three etcd servers${here.available ? '' : ` (${here.reason})`}`, () => {
  it('elect another leader when theirs is killed, and take it back', async () => {
    const etcd = await start({ nodes: 3 });
    expect(etcd.nodes).toHaveLength(3);
    await etcd.etcdctl(['put', 'a', 'b']);
    const first = await etcd.leader();
    await first.kill();
    await expect.poll(async () => (await etcd.leader()).name, { timeout: 10_000 }).not.toBe(first.name);
    const rest = etcd.nodes.filter((node) => node !== first).map((node) => node.endpoint);
    expect(await etcd.etcdctl(['get', 'a', '--print-value-only'], { endpoints: rest })).toBe('b\n');
    await first.restart();
    const back = { endpoints: [first.endpoint] };
    expect(await etcd.etcdctl(['get', 'a', '--print-value-only'], back)).toBe('b\n');
  });

  it('give an empty member the data again, and lose it when all are wiped', async () => {
    const etcd = await start({ nodes: 3 });
    await etcd.etcdctl(['put', 'a', 'b']);
    const [node] = etcd.nodes;
    await node?.restart({ wipe: true });
    const one = { endpoints: [node?.endpoint ?? ''] };
    expect(await etcd.etcdctl(['get', 'a', '--print-value-only'], one)).toBe('b\n');
    await etcd.restart({ wipe: true });
    expect(await etcd.etcdctl(['get', 'a'])).toBe('');
  });
});

describe.skipIf(!here.available)(
  `etcd ends with its parent${here.available ? '' : ` (${here.reason})`}`,
  () => {
    it.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'throw'] as const)('when that ends by %s', async (how) => {
      const parent = spawn(
        process.execPath,
        [
          '--conditions=@rollcall/source',
          '--import',
          'tsx',
          fileURLToPath(new URL('fixtures/start-and-wait.ts', import.meta.url)),
          how,
        ],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      );
      const ended = once(parent, 'exit');
      const { pid, folder } = await firstLine(parent);
      if (how !== 'throw') parent.kill(how);
      await ended;
      await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
      await expect.poll(() => existsSync(folder), { timeout: 5_000 }).toBe(false);
    });
  },
);

async function start(options: StartOptions = {}): Promise<RunningEtcd> {
  const etcd = await startRegistry('etcd', { ...own, ...options });
  started.push(etcd);
  return etcd;
}

function only(etcd: RunningEtcd): RunningEtcd['nodes'][number] {
  const [node] = etcd.nodes;
  if (node === undefined) throw new Error('etcd runs no node of ours');
  return node;
}

function folderOf(etcd: RunningEtcd): string {
  if (etcd.folder === undefined) throw new Error('etcd has no folder');
  return etcd.folder;
}

async function firstLine(child: ChildProcess): Promise<{ readonly pid: number; readonly folder: string }> {
  if (child.stdout === null) throw new Error('the child has no output');
  const lines = createInterface({ input: child.stdout });
  const { value: line = '' } = await lines[Symbol.asyncIterator]().next();
  lines.close();
  const value: unknown = JSON.parse(line);
  if (typeof value === 'object' && value !== null && 'pid' in value && 'folder' in value) {
    return { pid: Number(value.pid), folder: String(value.folder) };
  }
  throw new Error(`not what the fixture prints: ${line}`);
}
