import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createRegistry, type Registry } from '@rollcall/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blocksOf, pages } from '../src/markdown.ts';
import { ROOT } from '../src/workspace.ts';

const STEPS = ['drain', 'deregister', 'propagate', 'stop-accepting', 'finish-work', 'close'];

describe('the program in docs/shutdown.md', () => {
  let folder = '';
  let child: ChildProcess | undefined;
  let registry: Registry | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-shutdown-'));
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await registry?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('answers what is under way, takes every step, and ends with code 0', async () => {
    const page = pages().find(({ path }) => path === 'docs/shutdown.md');
    const program = page && blocksOf(page).find(({ language }) => language === 'ts');
    await writeFile(join(folder, 'program.ts'), program?.text ?? '');
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const port = await freePort();
    const dir = join(folder, 'registry');
    child = spawn(process.execPath, ['--conditions=@rollcall/source', '--import', 'tsx', 'program.ts'], {
      cwd: folder,
      env: {
        ...process.env,
        PORT: String(port),
        ROLLCALL_REGISTRY_OPTIONS_DIR: dir,
        ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '100',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'exit');
    // The pipe was asked for, so there is one.
    const log = text(child.stderr as NonNullable<ChildProcess['stderr']>);

    registry = await createRegistry({
      env: {},
      config: { registry: { type: 'file', options: { dir } }, log: { level: 'silent' } },
    });
    const view = registry.service('slow-service');
    await expect.poll(() => view.snapshot?.instances.length, { timeout: 15_000 }).toBe(1);

    const underWay = fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(15_000) });
    child.kill('SIGTERM');
    await expect.poll(() => view.snapshot?.instances, { timeout: 10_000 }).toEqual([]);
    expect(await (await underWay).text()).toBe('done\n');
    expect(await ended).toEqual([0, null]);
    const told = Array.from((await log).matchAll(/shutdown: ([\w-]+), \d+ ms(.*)/g), ([, step, why]) => [
      step,
      why,
    ]);
    expect(told).toEqual(STEPS.map((step) => [step, '']));
  }, 40_000);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
