import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rowsOf, soon } from './support/soon.ts';
import { openStage, type Stage } from './support/stage.ts';
import { signIn, visit, type Visit } from './support/visit.ts';

const PROGRAM = fileURLToPath(new URL('programs/gateway.ts', import.meta.url));

describe('who may come in', () => {
  let stage: Stage;
  let seen: Visit;

  beforeAll(async () => {
    stage = await openStage();
    await stage.put({ service: 'catalog', host: '10.0.0.1', port: 80 });
    seen = await visit(stage.page);
  });

  afterAll(async () => {
    await seen?.close();
    await stage?.close();
  });

  it('is asked for a token', async () => {
    await soon(() => seen.page.getByRole('heading', { name: 'Sign in' }).count()).toBe(1);
  });

  it('is told that a key is wrong, and may try again', async () => {
    await seen.page.getByLabel('Token or API key').fill('rck_operator_wrong');
    await seen.page.getByRole('button', { name: 'Sign in' }).click();
    await soon(() => seen.page.getByRole('alert').innerText()).not.toBe('');
    expect(await seen.page.getByLabel('Token or API key').getAttribute('aria-invalid')).toBe('true');
    expect(await seen.page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  it('sees nothing without a role for it, and is told what to do', async () => {
    await signIn(seen.page, stage.keys.stranger);
    await seen.page.getByRole('heading', { name: 'There is nothing that you may see' }).waitFor();
    await soon(() => seen.page.locator('.notice').innerText()).toMatch(/stranger.*Ask/s);
  });

  it('is told so for each view, with the gateway’s own reason', async () => {
    await seen.page.goto(`${stage.page}#/services/shop/catalog`);
    const notice = seen.page.getByRole('alert').filter({ hasText: 'Not allowed' });
    await soon(() => notice.innerText()).toMatch(/watch is not allowed here.*stranger.*nothing.*ask/s);
    await notice.getByRole('link', { name: 'look up what you may see' }).click();
    await seen.page.getByRole('heading', { name: 'Access', exact: true }).waitFor();
  });

  it('is asked again, and told why, when the key no longer counts', async () => {
    await seen.page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(seen.page, stage.keys.viewer);
    await seen.page.goto(`${stage.page}#/services/shop/catalog`);
    await seen.page.getByRole('grid').waitFor();
    await stage.revoke('viewer');
    await stage.put({ service: 'catalog', host: '10.0.0.2', port: 80 });
    await seen.page.reload();
    await soon(() => seen.page.getByRole('alert').innerText()).not.toBe('');
    expect(await seen.page.getByRole('grid').count()).toBe(0);
    await signIn(seen.page, stage.keys.operator);
    await soon(async () => (await rowsOf(seen.page.getByRole('grid'))).length).toBe(2);
    expect(new URL(seen.page.url()).hash).toBe('#/services/shop/catalog');
  });
});

describe('where anybody may look', () => {
  it('nobody is asked for a token, and one may sign in for more', async () => {
    const stage = await openStage({ anonymous: { roles: ['viewer'] } });
    await stage.put({ service: 'catalog', host: '10.0.0.1', port: 80 });
    const seen = await visit(stage.page, { hash: '#/services/shop/catalog' });
    try {
      await soon(async () => (await rowsOf(seen.page.getByRole('grid'))).length).toBe(1);
      await seen.page.getByRole('button', { name: 'Sign in' }).click();
      await signIn(seen.page, stage.keys.operator);
      await soon(() => seen.page.locator('.who').innerText()).toBe('operator');
      expect(await seen.page.getByRole('button', { name: 'Sign in' }).count()).toBe(0);
    } finally {
      await seen.close();
      await stage.close();
    }
  });
});

describe('a gateway that is killed', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  let url: string;
  let seen: Visit;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-console-'));
    url = await start('0');
    for (const n of [1, 2]) await put(n, 1);
    seen = await visit(`${url}/console/`, { hash: '#/services/default/catalog' });
    await soon(async () => (await rowsOf(seen.page.getByRole('grid'))).length).toBe(2);
  });

  afterEach(async () => {
    await seen?.close();
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('leaves what was known, with its age; and the page goes on when it is back', async () => {
    const { page } = seen;
    await soon(() => page.locator('.badge').innerText()).toBe('Live');
    await stop();
    const banner = page.getByRole('alert').filter({ hasText: 'Disconnected' });
    await soon(() => banner.innerText()).toMatch(/What you see is \d+ s old\..*Trying again/s);
    await soon(() => page.locator('.badge').innerText()).toBe('Disconnected');
    expect((await rowsOf(page.getByRole('grid'))).length).toBe(2);
    const age = async (): Promise<number> =>
      Number(/is (\d+) s old/.exec(await banner.innerText())?.[1] ?? 0);
    const before = await age();
    await soon(age).toBeGreaterThan(before);

    await start(new URL(url).port);
    await put(2, 5);
    await banner
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 5_000 })
      .catch(() => {});
    await soon(() => page.locator('.badge').innerText()).toBe('Live');
    await soon(async () => (await rowsOf(page.getByRole('grid'))).map((row) => row[3])).toEqual(['1', '5']);
    expect(await banner.count()).toBe(0);
  });

  it('is told of when the page is opened meanwhile', async () => {
    const { page } = seen;
    await page.evaluate(() => sessionStorage.setItem('rollcall.token', 'any'));
    await page.route('**/v1/**', (route) => route.abort());
    await page.reload();
    await page.getByRole('heading', { name: 'The gateway can’t be reached' }).waitFor();
    await page.unrouteAll({ behavior: 'wait' });
    await page.evaluate(() => sessionStorage.clear());
    await page.getByRole('button', { name: 'Try again' }).click();
    await soon(() => page.getByRole('grid').count()).toBe(1);
  });

  async function start(port: string): Promise<string> {
    const args = ['--conditions=@rollcall/source', '--import', 'tsx', PROGRAM, port, folder];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    // The pipe was asked for, so there is one.
    const [line] = (await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')) as [Buffer];
    return line.toString().trim();
  }

  async function stop(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async function put(n: number, weight: number): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const made = await fetch(`${url}/v1/leases`, { method: 'POST', headers, body: '{"ttlMs":120000}' });
    const { id } = (await made.json()) as { id: string };
    const answer = await fetch(`${url}/v1/namespaces/default/services/catalog/instances/i${n}`, {
      method: 'PUT',
      headers: { ...headers, 'rollcall-lease': id },
      body: JSON.stringify({ host: `10.0.0.${n}`, port: 80, weight }),
    });
    expect(answer.ok, await answer.text()).toBe(true);
  }
});
