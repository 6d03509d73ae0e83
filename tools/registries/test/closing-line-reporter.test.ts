import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const reporter = fileURLToPath(new URL('../../closing-line-reporter.ts', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-reporter-test-'));
  const config = `import { ClosingLineReporter } from ${JSON.stringify(reporter)};
    export default { test: { globals: true, reporters: ['default', new ClosingLineReporter()] } };`;
  await writeFile(join(folder, 'vitest.config.mjs'), config);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the closing line of a test run', { timeout: 30_000 }, () => {
  it('counts, and stands last', async () => {
    const run = await running(`it('a', () => {}); it('b', () => {});`);
    expect(run).toMatchObject({ last: '2 passed, 0 failed', status: 0 });
  });

  it('counts failed tests, failed hooks and files that can not be loaded', async () => {
    await writeFile(join(folder, 'broken.test.js'), 'throw new Error("broken")');
    const hook = `describe('d', () => { beforeAll(() => { throw new Error('hook') }); it('d', () => {}); });`;
    const run = await running(`it('a', () => {}); it('b', () => { throw new Error('b') }); ${hook}`);
    expect(run.last).toMatch(/^1 passed, 3 failed(, 1 skipped)?$/);
    expect(run.status).toBe(1);
  });

  it('lists what was skipped with its reason, and passes outside CI', async () => {
    const run = await running(`it('a', () => {}); it('b', ({ skip }) => skip('no server here'));`);
    expect(run).toMatchObject({ last: '1 passed, 0 failed, 1 skipped', status: 0 });
    expect(run.output).toMatch(/some\.test\.js > b\n\s+because: no server here/);
  });

  it('counts a skipped test as failed in CI', async () => {
    const run = await running(`it('a', () => {}); it('b', ({ skip }) => skip('no server here'));`, 'true');
    expect(run).toMatchObject({ last: '1 passed, 1 failed', status: 1 });
  });

  it('counts an error outside of any test', async () => {
    const run = await running(`it('a', () => { setTimeout(() => { throw new Error('late') }) });
      it('b', () => new Promise((resolve) => setTimeout(resolve, 50)));`);
    expect(run).toMatchObject({ last: '2 passed, 1 failed', status: 1 });
  });
});

async function running(
  code: string,
  ci = '',
): Promise<{ readonly last: string | undefined; readonly status: number | null; readonly output: string }> {
  await writeFile(join(folder, 'some.test.js'), code);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const { stdout, status } = spawnSync(process.execPath, [vitest, 'run', '--root', folder], {
    encoding: 'utf8',
    env: { ...env, CI: ci, NO_COLOR: '1' },
  });
  return { last: stdout.trimEnd().split('\n').at(-1), status, output: stdout };
}
