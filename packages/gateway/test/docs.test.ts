import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

it('the example of docs/gateway.md does what it says', async () => {
  const page = await readFile(here('../../../docs/gateway.md'), 'utf8');
  const example = /<!-- run by packages\/gateway\/test\/docs\.test\.ts -->\s+```ts\n(.*?)```/s.exec(
    page,
  )?.[1];
  // Within the package, so that its imports are found.
  const folder = await mkdtemp(here('./example-'));
  try {
    await writeFile(join(folder, 'main.ts'), example ?? '');
    const args = ['--conditions=@rollcall/source', '--import', import.meta.resolve('tsx'), 'main.ts'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, timeout: 18_000 });
    expect(stdout).toMatch(/instances: \[\s+\{[^}]*service: 'user-service',\s+id: 'one'/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
