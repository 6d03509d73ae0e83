import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const EXAMPLE = fileURLToPath(new URL('..', import.meta.url));
const README = fileURLToPath(new URL('../../../README.md', import.meta.url));

describe('the ten lines', () => {
  const running = new Set<ChildProcess>();
  let dir = '';

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rollcall-ten-lines-'));
  });

  afterEach(async () => {
    await Promise.all(Array.from(running, kill));
    await rm(dir, { recursive: true, force: true });
  });

  it('list a process, find the others, tell of changes, and leave on Ctrl-C', async () => {
    const first = start(8080);
    await expect.poll(first.output, { timeout: 20_000 }).toMatch(/^now: \[[^\]]*service: 'user-service'/m);
    await expect.poll(first.output, { timeout: 5_000 }).toMatch(/^listed: \S+:8080$/m);

    const second = start(8081);
    await expect.poll(first.lastLine, { timeout: 20_000 }).toMatch(/^listed: (?=.*:8080)(?=.*:8081)/);
    await expect.poll(second.lastLine, { timeout: 5_000 }).toMatch(/^listed: (?=.*:8080)(?=.*:8081)/);

    second.child.kill('SIGINT');
    await expect.poll(first.lastLine, { timeout: 10_000 }).toMatch(/^listed: \S+:8080$/);
    expect(await second.ended).toBe(0);

    first.child.kill('SIGINT');
    expect(await first.ended).toBe(0);
  }, 60_000);

  it('stand in the README as they are here', async () => {
    const [readme, code, config] = await Promise.all([
      readFile(README, 'utf8'),
      readFile(join(EXAMPLE, 'main.ts'), 'utf8'),
      readFile(join(EXAMPLE, 'rollcall.config.yaml'), 'utf8'),
    ]);
    expect(blocks(readme, 'ts')).toContain(code);
    expect(blocks(readme, 'yaml')).toContain(config);
  });

  function start(port: number) {
    const child = spawn(process.execPath, ['--conditions=@rollcall/source', '--import', 'tsx', 'main.ts'], {
      cwd: EXAMPLE,
      // A folder of this test's own: the default one may hold services of this machine.
      env: { ...process.env, PORT: String(port), ROLLCALL_REGISTRY_OPTIONS_DIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(child);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const ended = once(child, 'close').then(([code]: unknown[]) => {
      running.delete(child);
      return code;
    });
    const output = (): string => text;
    const lastLine = (): string => text.trimEnd().split('\n').at(-1) ?? '';
    return { child, ended, output, lastLine };
  }
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}

/** The fenced blocks of one language. */
function blocks(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm');
  return Array.from(markdown.matchAll(fence), ([, block]) => block ?? '');
}
