import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const FROM_SOURCE = ['--conditions=@rollcall/source', '--import', 'tsx', MAIN];

const run = promisify(execFile);

it.each(['file', 'etcd'])(
  'every instance is restarted under 10 000 requests on %s, and none fails',
  { timeout: 240_000 },
  async (registry) => {
    const { stdout, stderr } = await run(
      process.execPath,
      [...FROM_SOURCE, '--registry', registry, '--json'],
      { cwd: ROOT, timeout: 230_000 },
    );
    const { requests, failed, byInstance } = JSON.parse(stdout) as {
      requests: number;
      failed: number;
      byInstance: Record<string, number>;
    };
    expect({ failed, stderr }).toEqual({ failed: 0, stderr: '' });
    expect(requests).toBeGreaterThanOrEqual(10_000);
    // The first three, and at least three that took their place.
    expect(Object.keys(byInstance).length).toBeGreaterThanOrEqual(6);
  },
);

it('a mistake in the command line is one', async () => {
  for (const args of [
    ['--registry', 'redis'],
    ['--requests', 'many'],
  ])
    await expect(run(process.execPath, [...FROM_SOURCE, ...args], { cwd: ROOT })).rejects.toMatchObject({
      code: 2,
    });
});
