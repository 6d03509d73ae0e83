import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { availability } from '@rollcall-tools/registries';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cacheFolder } from '../src/cache.ts';

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const root = dirname(dirname(dirname(dirname(cli))));
const here = availability('etcd', { own: true });

let folder: string;
type Cli = ChildProcessByStdio<null, Readable, Readable>;
const children: Cli[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-cli-test-'));
  await linkPrepared();
});

afterEach(async () => {
  await finish(run(['down']));
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

describe('the command line', () => {
  it('shows every command with --help', async () => {
    const { stdout, status } = await finish(run(['--help']));
    for (const command of ['up', 'down', 'status', 'prepare']) expect(stdout).toContain(`\n  ${command} `);
    expect(status).toBe(0);
  });

  it.each([['up'], ['up redis'], ['up etcd --nodes 2'], ['up etcd --port 0'], ['fly'], ['status --bad']])(
    'refuses `%s` with exit code 2 and a hint',
    async (line) => {
      const { stderr, status } = await finish(run(line.split(' ')));
      expect(status).toBe(2);
      expect(stderr).toContain('--help');
    },
  );

  it('prepare fails where nothing can be had, and prepare --all only says so', async () => {
    const nothing = { ROLLCALL_CACHE: join(folder, 'empty'), PATH: folder, ROLLCALL_ETCD_BIN: '' };
    const one = await finish(run(['prepare', 'etcd'], nothing));
    expect(one).toMatchObject({ status: 1, stderr: expect.stringContaining('Go 1.26 or newer is needed') });
    const all = await finish(run(['prepare', '--all'], nothing));
    expect(all).toMatchObject({ status: 0, stderr: expect.stringContaining('WITHOUT ETCD') });
  });
});

describe.skipIf(!here.available)(
  `the command line with etcd${here.available ? '' : ` (${here.reason})`}`,
  () => {
    it('up serves until it is told to end, and leaves nothing behind', async () => {
      const up = run(['up', 'etcd', '--json']);
      const [line] = await once(up.stdout, 'data');
      const told: unknown = JSON.parse(String(line));
      expect(told).toMatchObject({ type: 'etcd', endpoints: [expect.stringMatching(/^http:/)] });
      const endpoint = endpointIn(told);
      expect((await fetch(`${endpoint}/health`)).status).toBe(200);
      up.kill('SIGINT');
      expect((await finish(up)).status).toBe(0);
      await expect(fetch(`${endpoint}/health`)).rejects.toThrow('fetch failed');
    });

    it('up --detach goes on by itself; status shows it and down ends it', async () => {
      const { stdout } = await finish(run(['up', 'etcd', '--detach', '--json']));
      const told: unknown = JSON.parse(stdout);
      const endpoint = endpointIn(told);
      expect((await fetch(`${endpoint}/health`)).status).toBe(200);
      expect((await finish(run(['status']))).stdout).toContain(`etcd ${endpoint} running`);
      expect((await finish(run(['down', 'etcd']))).stderr).toContain(`${endpoint} stopped`);
      await expect(fetch(`${endpoint}/health`)).rejects.toThrow('fetch failed');
      expect(existsSync(String(field(told, 'folder')))).toBe(false);
      expect((await finish(run(['status']))).stdout).toContain('nothing was left running');
    });
  },
);

/** Runs with a cache of the test's own, so that it does not see, or stop, what a person left running. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Cli {
  const child = spawn(process.execPath, ['--conditions=@rollcall/source', '--import', 'tsx', cli, ...args], {
    cwd: root,
    env: { ...process.env, ROLLCALL_CACHE: folder, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

async function finish(
  child: Cli,
): Promise<{ readonly stdout: string; readonly stderr: string; readonly status: number | null }> {
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  if (child.exitCode === null) await once(child, 'close');
  return { stdout, stderr, status: child.exitCode };
}

/** What is prepared already is used from there. */
async function linkPrepared(): Promise<void> {
  const names = existsSync(cacheFolder()) ? await readdir(cacheFolder()) : [];
  const prepared = names.filter((name) => existsSync(join(cacheFolder(), name, 'prepared.json')));
  await Promise.all(prepared.map((name) => symlink(join(cacheFolder(), name), join(folder, name))));
}

function field(told: unknown, name: string): unknown {
  return typeof told === 'object' && told !== null ? Reflect.get(told, name) : undefined;
}

function endpointIn(told: unknown): string {
  const endpoints = field(told, 'endpoints');
  return Array.isArray(endpoints) ? String(endpoints[0]) : '';
}
