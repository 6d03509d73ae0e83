import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { makeCertificates } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistry, type Registry, type ServiceInstance } from '@rollcall/core';
import { get, Load, loadUntilGone, loadUntilRefused } from './support/load.ts';

const PROGRAM = join(import.meta.dirname, 'programs/service.ts');
const EXEC_ARGV = ['--conditions=@rollcall/source', '--import', 'tsx'];

interface Running {
  readonly child: ChildProcess;
  /** What it told, in order: `leaving`, and each step of the shutdown. */
  readonly told: readonly string[];
  readonly registry: Registry;
  readonly instance: ServiceInstance;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'rollcall-server-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A process that serves, and this one, which finds it in the folder that both use as their registry. */
async function running(kind: string, env: Readonly<Record<string, string>> = {}): Promise<Running> {
  const dir = await folder();
  const child = fork(PROGRAM, {
    execArgv: EXEC_ARGV,
    env: {
      ...process.env,
      KIND: kind,
      ROLLCALL_REGISTRY_TYPE: 'file',
      ROLLCALL_REGISTRY_OPTIONS_DIR: dir,
      ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '500',
      ROLLCALL_LOG_LEVEL: 'error',
      ...env,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const told: string[] = [];
  child.on('message', (message) => told.push(message as string));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  await expect.poll(() => told, { timeout: 20_000 }).toContain('listed');
  const registry = await finder(dir);
  const instance = registry.service('user-service').snapshot?.instances[0];
  if (!instance) throw new Error('it is not listed');
  return { child, told, registry, instance, ended };
}

async function finder(dir: string): Promise<Registry> {
  const registry = await createRegistry({
    env: {},
    config: { registry: { type: 'file', options: { dir } }, log: { level: 'silent' } },
  });
  onTestFinished(() => registry.close());
  const view = registry.service('user-service');
  await view.load();
  await expect.poll(() => view.snapshot?.instances.length, { timeout: 20_000 }).toBe(1);
  return registry;
}

const STEPS = ['leaving', 'drain', 'deregister', 'propagate', 'stop-accepting', 'finish-work', 'close'];
/** The application is ended when the last answer is out, before the connection to the registry. */
const HOOKS: Readonly<Record<string, string>> = { fastify: 'onClose', nest: 'onModuleDestroy' };

describe.each(['http', 'express', 'fastify', 'nest'])(
  'a process that serves with %s and gets SIGTERM',
  (kind) => {
    it('fails no request of its callers, and ends with 0', async () => {
      const { child, told, registry, ended } = await running(kind);
      const load = await loadUntilGone(registry, 8);
      await expect.poll(() => load.sent, { timeout: 10_000 }).toBeGreaterThan(200);
      child.kill('SIGTERM');
      await load.ended;
      expect(load.failed).toEqual([]);
      expect(load.connections.size).toBeLessThan(load.sent / 2);
      expect(await ended).toBe(0);
      const order = told
        .filter((text) => text !== 'listed')
        .toSorted((a, b) => rank(a, kind) - rank(b, kind));
      expect(told.filter((text) => text !== 'listed')).toEqual(order);
      expect(order).toHaveLength(STEPS.length + (HOOKS[kind] ? 1 : 0));
    });

    it('fails no request over a kept connection, though its callers go on until nobody listens', async () => {
      const { child, instance, ended } = await running(kind);
      const load = loadUntilRefused(instance, 8);
      await expect.poll(() => load.sent, { timeout: 10_000 }).toBeGreaterThan(200);
      child.kill('SIGTERM');
      await load.ended;
      expect(load.failed).toEqual([]);
      expect(await ended).toBe(0);
    });

    it('finishes a slow request', async () => {
      const { child, instance, ended } = await running(kind);
      const slow = get(instance, { path: '/slow' });
      const other = await get(instance);
      child.kill('SIGTERM');
      expect(other.body).toBe('done');
      expect((await slow).body).toBe('done');
      expect(await ended).toBe(0);
    });
  },
);

function rank(text: string, kind: string): number {
  // What `leaving` aborts at is the end of `drain`, and is told within it.
  if (text === HOOKS[kind]) return STEPS.indexOf('finish-work') - 0.5;
  const step = text.split(':')[0] ?? '';
  return step === 'leaving' ? STEPS.indexOf('drain') : STEPS.indexOf(step);
}

describe('a process that serves HTTPS and gets SIGTERM', () => {
  it('fails no request, and is not held up by a connection on which nothing happens', async () => {
    const certificates = await makeCertificates(await folder());
    const { certFile, keyFile } = certificates.server;
    const { child, registry, instance, ended } = await running('https', { CERT: certFile, KEY: keyFile });
    const agent = new TlsAgent({ keepAlive: true, ca: await readFile(certificates.caFile) });
    const silent = connect(instance.port, instance.host);
    silent.on('error', () => {});
    onTestFinished(() => {
      agent.destroy();
      silent.destroy();
    });
    const one = () =>
      new Promise<void>((resolve, reject) => {
        const call = tlsRequest({ host: instance.host, port: instance.port, agent }, (response) => {
          response.resume();
          response.on('end', resolve);
          response.on('error', reject);
        });
        call.on('error', reject);
        call.end();
      });
    const view = registry.service('user-service');
    const load = new Load(4, async (own) => {
      while (view.snapshot && view.snapshot.instances.length > 0) {
        // oxlint-disable-next-line no-await-in-loop
        await one();
        own.sent++;
      }
    });
    await expect.poll(() => load.sent, { timeout: 10_000 }).toBeGreaterThan(100);
    const began = performance.now();
    child.kill('SIGTERM');
    await load.ended;
    expect(await ended).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('a process that serves gRPC and gets SIGTERM', () => {
  function call(client: Client, what = ''): Promise<string> {
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest('/users.Users/Read', asIs, asIs, Buffer.from(what), (error, value) =>
        error ? reject(error) : resolve(String(value)),
      );
    });
  }

  function clientOf({ host, port }: ServiceInstance): Client {
    const client = new Client(`${host}:${port}`, credentials.createInsecure());
    onTestFinished(() => client.close());
    return client;
  }

  it('fails no call, finishes a slow one, and ends with 0', async () => {
    const { child, registry, instance, ended } = await running('grpc');
    const client = clientOf(instance);
    const view = registry.service('user-service');
    const load = new Load(4, async (own) => {
      while (view.snapshot && view.snapshot.instances.length > 0) {
        // oxlint-disable-next-line no-await-in-loop
        expect(await call(client)).toBe('done');
        own.sent++;
      }
    });
    await expect.poll(() => load.sent, { timeout: 10_000 }).toBeGreaterThan(100);
    const slow = call(client, '/slow');
    child.kill('SIGTERM');
    await load.ended;
    expect(await slow).toBe('done');
    expect(await ended).toBe(0);
  });

  it('cuts a call that outlives the deadline, says so, and ends with 1', async () => {
    const { child, told, instance, ended } = await running('grpc', { ROLLCALL_SHUTDOWN_DEADLINE_MS: '2500' });
    const client = clientOf(instance);
    const endless = call(client, '/endless').catch((error: unknown) => String(error));
    await call(client);
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(await endless).toMatch(/CANCELLED|UNAVAILABLE/);
    expect(told.find((text) => text.startsWith('finish-work'))).toContain(
      'the calls still under way had to be cut',
    );
  });
});

describe('a process that is told to leave', () => {
  it('cuts what outlives the deadline, says how much, and ends with 1', async () => {
    const { child, told, instance, ended } = await running('http', { ROLLCALL_SHUTDOWN_DEADLINE_MS: '2500' });
    const endless = get(instance, { path: '/endless' }).catch((error: unknown) => String(error));
    await get(instance);
    const began = performance.now();
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(await endless).toMatch(/hang up|ECONNRESET/);
    expect(told.find((text) => text.startsWith('finish-work'))).toContain('1 request had to be cut');
  });

  it('ends at once when it is told twice', async () => {
    const { child, told, instance, ended } = await running('http');
    const endless = get(instance, { path: '/endless' }).catch((error: unknown) => String(error));
    await get(instance);
    child.kill('SIGTERM');
    await expect.poll(() => told).toContain('leaving');
    const began = performance.now();
    child.kill('SIGTERM');
    expect(await ended).toBe(128 + 15);
    expect(performance.now() - began).toBeLessThan(1_000);
    await endless;
  });

  it('leaves as process 1 of a container too', async () => {
    const dir = await folder();
    // Where this machine allows no namespaces, that is what the test sees: there is nothing else to be seen there then.
    const child = spawn(
      'unshare',
      ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, ...EXEC_ARGV, PROGRAM],
      {
        env: {
          ...process.env,
          ROLLCALL_REGISTRY_TYPE: 'file',
          ROLLCALL_REGISTRY_OPTIONS_DIR: dir,
          ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '500',
        },
      },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const ended = new Promise<number | string | null>((resolve) => {
      child.on('error', ({ message }) => resolve(message));
      child.on('exit', resolve);
    });
    const registry = await Promise.race([finder(dir), ended.then(() => undefined)]);
    if (!registry) {
      expect(`${String(await ended)} ${said}`).toMatch(/ENOENT|not permitted|unshare failed/);
      return;
    }
    const load = await loadUntilGone(registry, 4);
    await expect.poll(() => load.sent, { timeout: 10_000 }).toBeGreaterThan(50);
    // What a container's runtime signals is the process itself.
    const [inner] = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).split(' ');
    expect(await readFile(`/proc/${inner}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+1$/m);
    process.kill(Number(inner), 'SIGTERM');
    await load.ended;
    expect(load.failed).toEqual([]);
    expect(await ended).toBe(0);
  });
});
