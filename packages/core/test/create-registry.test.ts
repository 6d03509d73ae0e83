import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry, fileAdapter, MemoryStore, memoryAdapter, type Logger } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';

async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rollcall-create-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Log lines, in place of standard error. */
function recorder(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return { logger: { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }, lines };
}

describe('createRegistry', () => {
  it('reads the file, selects the adapter, and says what address it advertises', async () => {
    const cwd = await temporaryFolder();
    await writeFile(
      join(cwd, 'rollcall.config.yaml'),
      'registry:\n  type: memory\n  options:\n    store: create\n',
    );
    const { logger, lines } = recorder();
    const registry = await createRegistry({ cwd, env: {}, logger });
    onTestFinished(() => registry.close());
    expect(registry.type).toBe('memory');
    const registration = registry.register({ service: 'user-service', port: 8080 });
    await registration.listed();
    expect((await registry.service('user-service').load()).instances).toEqual([registration.instance]);
    expect(await registry.services()).toEqual(['user-service']);
    expect(lines.find((line) => line.startsWith('info advertises'))).toContain(registration.instance.host);
  });

  it('takes an adapter in place of a type', async () => {
    const adapter = memoryAdapter({ store: new MemoryStore() });
    const registry = await createRegistry({
      cwd: await temporaryFolder(),
      env: {},
      adapter,
      logger: recorder().logger,
    });
    onTestFinished(() => registry.close());
    await registry.register({ service: 'a', host: 'h', port: 1 }).listed();
    expect(await registry.services()).toEqual(['a']);
  });

  it.each([
    ['an unknown type', { registry: { type: 'etdc' } }, /etdc.*did you mean.*etcd/is],
    ['an unknown key', { registry: { typ: 'memory' } }, /typ.*did you mean.*type/is],
    ['a wrong type', { registration: { ttlMs: 'soon' } }, /registration\.ttlMs/],
    [
      'an unknown option',
      { registry: { type: 'memory', options: { sotre: 'x' } } },
      /registry\.options\.sotre.*store/is,
    ],
    ['a package that is not installed', { registry: { type: '@acme/redis' } }, /npm install @acme\/redis/],
    [
      'a bad service block',
      { service: { name: '', port: 0 } },
      /service\.name[^]*service\.port|service\.port[^]*service\.name/,
    ],
  ])('refuses %s at the start, and says what to do', async (_name, config, message) => {
    const cwd = await temporaryFolder();
    const start = createRegistry({ cwd, env: {}, config: config as object, logger: recorder().logger });
    await expect(start).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses an adapter that lacks a required method, and names it', async () => {
    const lacking = alteredAdapter(memoryAdapter({ store: new MemoryStore() }), {});
    Reflect.deleteProperty(lacking, 'discover');
    const start = createRegistry({ cwd: await temporaryFolder(), env: {}, adapter: lacking });
    await expect(start).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('discover') as string,
    });
  });

  it('does not wait for a registry that is down', async () => {
    const store = new MemoryStore();
    store.setOutage(true);
    const { logger, lines } = recorder();
    const registry = await createRegistry({
      cwd: await temporaryFolder(),
      env: {},
      adapter: memoryAdapter({ store }),
      config: { backoff: { baseMs: 10, capMs: 20 } },
      logger,
    });
    onTestFinished(() => registry.close());
    const registration = registry.register({ service: 'a', host: 'h', port: 1 });
    await expect.poll(() => lines.some((line) => line.includes('next try'))).toBe(true);
    store.setOutage(false);
    await registration.listed();
  });
});

describe('a process with a service block', () => {
  /** What the process said, in order. */
  async function start(dir: string, port: number): Promise<{ child: ChildProcess; said: string[] }> {
    const child = fork(join(import.meta.dirname, 'programs/service-block.ts'), {
      execArgv: ['--conditions=@rollcall/source', '--import', 'tsx'],
      silent: true,
      env: {
        ...process.env,
        ROLLCALL_REGISTRY_OPTIONS_DIR: dir,
        ROLLCALL_SERVICE_NAME: 'user-service',
        ROLLCALL_SERVICE_PORT: String(port),
        ROLLCALL_SERVICE_HOST: '127.0.0.1',
        ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '200',
      },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const said: string[] = [];
    child.on('message', (message) => said.push(message as string));
    await expect.poll(() => said, { timeout: 10_000 }).toContain('started');
    return { child, said };
  }

  async function listed(dir: string): Promise<readonly string[]> {
    const adapter = fileAdapter({ dir });
    const signal = AbortSignal.timeout(5_000);
    await adapter.open(signal);
    const { instances } = await adapter.discover(
      { namespace: 'default', service: 'user-service' },
      { signal },
    );
    await adapter.close();
    return instances.map(({ id }) => id);
  }

  it('is listed once its port is open, and leaves on SIGTERM without cutting off an answer', async () => {
    const dir = join(await temporaryFolder(), 'registry');
    const port = await freePort();
    const { child, said } = await start(dir, port);
    expect(await listed(dir)).toEqual([]);
    expect(said).not.toContain('registration registered');

    child.send('listen');
    await expect.poll(() => said, { timeout: 10_000 }).toContain('registration registered');
    expect(await listed(dir)).toEqual([`127.0.0.1:${port}`]);

    const answer = fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await answer).toBe('done');
    expect(await exit).toEqual([0, null]);
    expect(await listed(dir)).toEqual([]);
    expect(said.filter((line) => line.startsWith('shutdown'))).toEqual([
      'shutdown drain',
      'shutdown deregister',
      'shutdown propagate',
      'shutdown stop-accepting',
      'shutdown finish-work',
      'shutdown close',
    ]);
  });

  it('ends at once on a second signal', async () => {
    const dir = join(await temporaryFolder(), 'registry');
    const { child, said } = await start(dir, await freePort());
    child.send('listen');
    await expect.poll(() => said, { timeout: 10_000 }).toContain('registration registered');
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    await expect.poll(() => said, { timeout: 10_000 }).toContain('shutdown drain');
    child.kill('SIGINT');
    expect(await exit).toEqual([130, null]);
  });
});
