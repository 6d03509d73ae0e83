import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();
const servers = new Set<Server>();
afterEach(async () => {
  await Promise.all([...servers].map(close));
});

/** Dumps what is listed now, and ends the listing. */
const dumped = async (name: string): Promise<string> => {
  const file = join(at.folder, name);
  await writeFile(file, (await at.run(['dump'])).stdout);
  return file;
};

const looked = async () => {
  const { stdout } = await at.run(['instances', 'users', '--json']);
  const { instances } = JSON.parse(stdout) as { instances: { id: string; status: string; weight: number }[] };
  return instances.map(({ id, status, weight }) => [id, status, weight]);
};

describe('rollcall restore', () => {
  it('puts back what an operator had changed, once the processes are listed anew', async () => {
    const spec = { service: 'users', id: 'one', host: '10.0.0.1', port: 80 };
    const registration = at.registry().register(spec);
    await registration.listed();
    await at.run(['drain', 'users', 'one']);
    await at.run(['weight', 'users', 'one', '5']);
    const file = await dumped('before.json');
    // As after a registry that came back empty: the process says again what it knows.
    await registration.deregister();
    await at.list(spec);
    expect(await looked()).toEqual([['one', 'UP', 1]]);

    const tried = await at.run(['restore', file, '--dry-run']);
    expect(tried).toEqual({
      code: 0,
      stdout: 'change   users/one UP → OUT_OF_SERVICE, weight 1 → 5\n',
      stderr: '1 to change, 0 missing, 0 as they were\n',
    });
    expect(await looked()).toEqual([['one', 'UP', 1]]);

    const { code, stderr } = await at.run(['restore', file, '--yes']);
    expect([code, stderr]).toEqual([0, 'changed 1 instance\n']);
    expect(await looked()).toEqual([['one', 'OUT_OF_SERVICE', 5]]);
  });

  it('registers nobody who is missing: it says so, with code 1', async () => {
    const file = await missing('10.0.0.1', 80);
    const { code, stdout, stderr } = await at.run(['restore', file, '--yes']);
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      'missing  users/one 10.0.0.1:80 UP\nwarning one instance is missing, and left to register by itself; --hold keeps it listed meanwhile\n',
    ]);
    expect(await looked()).toEqual([]);
  });

  it('refuses a file of another namespace, unless that is said', async () => {
    const file = await missing('10.0.0.1', 80);
    const elsewhere = { env: { ROLLCALL_REGISTRY_NAMESPACE: 'staging' } };
    const { code, stderr } = await at.run(['restore', file, '--yes'], elsewhere);
    expect(code).toBe(2);
    expect(stderr).toContain('the file is of the namespace default, and the configuration selects staging');
    const said = await at.run(['restore', file, '--dry-run', '--json', '--namespace', 'staging'], elsewhere);
    expect(JSON.parse(said.stdout)).toMatchObject({
      namespace: 'staging',
      missing: [{ namespace: 'staging' }],
    });
  });

  it('asks at a terminal', async () => {
    const file = await missing('10.0.0.1', 80);
    const asked = at.start(['restore', file, '--hold'], { atTerminal: true });
    await asked.shows(/missing {2}users\/one .*Hold 1 instance while this runs\? \[y\/N\] /s);
    asked.type('\n');
    expect(await asked.ended).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('nothing was changed'),
    });
  });
});

describe('rollcall restore --hold', () => {
  it('lists what is missing while its port is open, and takes it out when it closes, and at the end', async () => {
    const server = await listen();
    const file = await missing('127.0.0.1', portOf(server));
    const held = at.start(['restore', file, '--hold', '--yes', '--json']);
    await held.shows(/"event":"listed"/);
    expect(await looked()).toEqual([['one', 'UP', 1]]);
    const port = portOf(server);
    await close(server);
    await held.shows(/"event":"waiting"/);
    expect(await looked()).toEqual([]);
    await listen(port);
    await held.shows(/"event":"listed".*"event":"listed"/s);
    held.kill('SIGINT');
    const { code, stdout } = await held.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('"event":"left"');
    expect(await looked()).toEqual([]);
  });

  it('lists nobody whose port is closed, but with --unchecked', async () => {
    const server = await listen();
    const port = portOf(server);
    await close(server);
    const file = await missing('127.0.0.1', port);
    const held = at.start(['restore', file, '--hold', '--unchecked', '--yes']);
    await held.shows(/^listed users\/one$/m, 'stderr');
    expect(await looked()).toEqual([['one', 'UP', 1]]);
    held.kill('SIGTERM');
    expect((await held.ended).code).toBe(0);
    expect(await looked()).toEqual([]);
  });

  it('leaves an instance to its own process for good, once that registers it', async () => {
    const server = await listen();
    const spec = { service: 'users', id: 'one', host: '127.0.0.1', port: portOf(server) };
    const file = await missing(spec.host, spec.port);
    const held = at.start(['restore', file, '--hold', '--yes', '--json']);
    await held.shows(/"event":"listed"/);
    await at.list({ ...spec, weight: 7 });
    const { code, stdout } = await held.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('"event":"taken"');
    // What it let go of is not removed: it is another's.
    expect(await looked()).toEqual([['one', 'UP', 7]]);
  });

  it('leaves nothing for longer than the TTL when it is killed', async () => {
    const server = await listen();
    const file = await missing('127.0.0.1', portOf(server));
    const env = { ROLLCALL_REGISTRATION_TTL_MS: '2000' };
    const held = at.start(['restore', file, '--hold', '--yes', '--json'], { env });
    await held.shows(/"event":"listed"/);
    await expect.poll(looked, { timeout: 10_000 }).toHaveLength(1);
    held.kill('SIGKILL');
    await expect.poll(looked, { timeout: 10_000 }).toEqual([]);
  });
});

/** A dump with one instance that isn't listed any more. */
async function missing(host: string, port: number): Promise<string> {
  const registration = at.registry().register({ service: 'users', id: 'one', host, port });
  await registration.listed();
  const file = await dumped('missing.json');
  await registration.deregister();
  return file;
}

async function listen(port = 0): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

async function close(server: Server): Promise<void> {
  servers.delete(server);
  await new Promise((resolve) => server.close(resolve));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
