import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry } from '@rollcall/core';
import { startRegistry, type RunningEtcd } from '@rollcall-tools/registries';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Program } from './support/program.ts';

const HOLD_MS = 3_000;

let etcd: RunningEtcd;
let folder = '';
const programs = new Set<Program>();
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
  folder = await mkdtemp(join(tmpdir(), 'rollcall-cli-'));
});
afterEach(async () => {
  for (const program of programs) program.end();
  await Promise.all([...programs].map(({ ended }) => ended));
  programs.clear();
});
afterAll(async () => {
  await etcd.stop();
  await rm(folder, { recursive: true, force: true });
});

const registry = () => ({ type: 'etcd', options: { endpoints: etcd.endpoints } });

/** Lists three instances whose process then is gone: nobody puts them back. */
const leave = async (service: string): Promise<void> => {
  const leaving = await createRegistry({
    cwd: folder,
    env: {},
    config: { registry: registry(), registration: { ttlMs: 600_000 }, log: { level: 'silent' } },
  });
  const ids = ['one', 'two', 'three'];
  const listed = ids.map((id, at) =>
    leaving.register({ service, id, host: `10.0.0.${at}`, port: 80 }).listed(),
  );
  await Promise.all(listed);
  await leaving.close();
};

const watch = (service: string, options: { readonly atTerminal: boolean }): Program => {
  const program = new Program(['watch', service], {
    cwd: folder,
    ...options,
    env: {
      NO_COLOR: '1',
      ROLLCALL_REGISTRY_TYPE: 'etcd',
      ROLLCALL_REGISTRY_OPTIONS: JSON.stringify(registry().options),
      ROLLCALL_DISCOVERY_PROTECTION_HOLD_MS: String(HOLD_MS),
    },
  });
  programs.add(program);
  return program;
};

describe('rollcall watch while the registry is killed', () => {
  it('says at a terminal that the list is STALE, and HELD when the registry comes back empty', async () => {
    await leave('users');
    const seen = watch('users', { atTerminal: true });
    await seen.shows(/users {2}3 instances: 3 UP.*live, confirmed just now/s);

    await etcd.nodes[0]?.kill();
    await seen.shows(/STALE, the registry confirmed this list .+: watch users in etcd: /);
    // The age is drawn anew, and the last good list stays.
    await seen.shows(/STALE, the registry confirmed this list [2-9]\.\d s ago/);
    expect(lastScreen(seen)).toMatch(/users {2}3 instances: 3 UP.*one.*three.*two/s);

    await etcd.restart({ wipe: true });
    await seen.shows(/HELD, users: the registry dropped 3 instances at once; kept for 3000 ms/);
    expect(lastScreen(seen)).toMatch(/users {2}3 instances: 3 UP/);

    // Nobody comes back: after the second look they are believed to be gone.
    await seen.shows(/users {2}0 instances.*live, confirmed .+ ago.*- {2}one/s);
    seen.type('\u{3}');
    expect((await seen.ended).code).toBe(0);
  });

  it('says the same into a pipe, one line for each', async () => {
    await leave('orders');
    const seen = watch('orders', { atTerminal: false });
    await seen.shows(/\+ one .*\n.*\+ three .*\n.*\+ two .*\n/);
    await etcd.nodes[0]?.kill();
    await seen.shows(/Z ! stale: the last good list stays; .*watch orders in etcd: /);
    await etcd.restart({ wipe: true });
    await seen.shows(
      /Z ! orders: the registry dropped 3 instances at once; kept for 3000 ms, then looked at again\n/,
    );
    await seen.shows(/Z ! orders: 3 kept instances: confirmed gone\n/);
    await seen.shows(/- one .*\n.*- three .*\n.*- two .*\n/);
    expect(seen.stdout).toMatch(/Z ! live: the list follows the registry\n/);
    seen.kill('SIGINT');
    expect((await seen.ended).code).toBe(0);
  });
});

/** What stands on the screen since it was drawn last. */
function lastScreen({ stdout }: Program): string {
  return stdout.slice(stdout.lastIndexOf('\u{1b}[H'));
}
