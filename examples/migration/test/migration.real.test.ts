import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const run = promisify(execFile);

it(
  'a running service moves from ZooKeeper to Nacos under calls, and none fails',
  { timeout: 240_000 },
  async () => {
    const { stdout } = await run(
      process.execPath,
      [
        '--conditions=@rollcall/source',
        '--import',
        'tsx',
        MAIN,
        '--from',
        'zookeeper',
        '--to',
        'nacos',
        '--json',
      ],
      { cwd: ROOT, timeout: 230_000 },
    );
    const { calls, failed } = JSON.parse(stdout) as { calls: number; failed: number };
    expect(failed).toBe(0);
    // 25 a second, for all the time that it takes to replace eight processes.
    expect(calls).toBeGreaterThan(200);
  },
);

it('a registry that is not known is a mistake in the command line', async () => {
  const wrong = run(
    process.execPath,
    ['--conditions=@rollcall/source', '--import', 'tsx', MAIN, '--to', 'redis'],
    { cwd: ROOT },
  );
  await expect(wrong).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no registry redis'),
  });
});
