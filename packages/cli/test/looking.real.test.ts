import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();
const ESCAPE = '\u{1b}';

describe('rollcall services', () => {
  it('lists the services, with how many instances of which status', async () => {
    await at.list({ service: 'users', host: '10.0.0.1', port: 80 });
    await at.list({ service: 'users', host: '10.0.0.2', port: 80, status: 'OUT_OF_SERVICE' });
    await at.list({ service: 'orders', host: '10.0.0.3', port: 80 });
    const { code, stdout } = await at.run(['services']);
    expect(stdout).toBe(
      'SERVICE  INSTANCES  UP  OUT_OF_SERVICE\n' +
        'orders           1   1\n' +
        'users            2   1               1\n',
    );
    expect(code).toBe(0);
    const asJson = await at.run(['services', '--json']);
    expect(JSON.parse(asJson.stdout)).toEqual({
      namespace: 'default',
      services: [
        { service: 'orders', instances: { total: 1, UP: 1 } },
        { service: 'users', instances: { total: 2, UP: 1, OUT_OF_SERVICE: 1 } },
      ],
    });
  });

  it('lists those of another namespace', async () => {
    await at.list({ service: 'users', namespace: 'staging', host: '10.0.0.1', port: 80 });
    const { stdout } = await at.run(['services', '--json', '--namespace', 'staging']);
    expect(JSON.parse(stdout)).toMatchObject({ namespace: 'staging', services: [{ service: 'users' }] });
  });

  it('says so when there is none, and has nothing on standard output', async () => {
    const { code, stdout, stderr } = await at.run(['services']);
    expect([code, stdout, stderr]).toEqual([0, '', 'no service is listed in the namespace default\n']);
  });
});

describe('rollcall instances', () => {
  it('lists whole instances as JSON', async () => {
    const spec = { host: '10.0.0.1', port: 80, zone: 'eu-1', tags: ['a'], metadata: { k: 'v' } };
    await at.list({ service: 'users', ...spec });
    const { code, stdout } = await at.run(['instances', 'users', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      service: 'users',
      instances: [{ id: '10.0.0.1:80', status: 'UP', weight: 1, ...spec }],
    });
  });

  it('cuts the table to the terminal, and only there', async () => {
    await at.list({ service: 'users', host: '10.0.0.1', port: 80, metadata: { long: 'x'.repeat(300) } });
    const piped = await at.run(['instances', 'users']);
    expect(piped.stdout).toContain('x'.repeat(300));
    const shown = await at.run(['instances', 'users'], { atTerminal: true, env: { NO_COLOR: '1' } });
    const lines = shown.stdout.trimEnd().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]?.length).toBe(80);
    expect(lines[1]).toMatch(/x…$/);
  });

  it('sends no order of an instance to the terminal', async () => {
    const evil = `${ESCAPE}[2J${ESCAPE}]0;owned\u{7}\u{9b}31m\u{202e}`;
    await at.list({
      service: 'users',
      host: '10.0.0.1',
      port: 80,
      metadata: { evil },
      tags: [evil],
      zone: evil,
    });
    for (const args of [['instances', 'users'], ['instances', 'users', '--json'], ['dump']]) {
      const { code, stdout, stderr } = await at.run(args);
      expect(code).toBe(0);
      expect(`${stdout}${stderr}`, args.join(' ')).not.toMatch(/[\p{Bidi_Control}\u{7f}-\u{9f}]/u);
      expect(`${stdout}${stderr}`.includes(ESCAPE), args.join(' ')).toBe(false);
    }
  });

  it('colours what it shows at a terminal, but not with NO_COLOR or into a pipe', async () => {
    await at.list({ service: 'users', host: '10.0.0.1', port: 80 });
    expect((await at.run(['instances', 'users'], { atTerminal: true })).stdout).toContain(`${ESCAPE}[32mUP`);
    expect((await at.run(['instances', 'users'], { env: { CI: 'true' } })).stdout).not.toContain(ESCAPE);
  });
});

describe('rollcall dump', () => {
  it('writes everything in one order, so that the same lists are the same text', async () => {
    await at.list({ service: 'b', host: '10.0.0.2', port: 80, metadata: { z: '1', a: '2' } });
    await at.list({ service: 'a', id: 'two', host: '10.0.0.2', port: 80 });
    await at.list({ service: 'a', id: 'one', host: '10.0.0.1', port: 80 });
    const [first, second] = [await at.run(['dump']), await at.run(['dump'])];
    expect(first.stdout).toBe(second.stdout);
    const dumped = JSON.parse(first.stdout) as {
      services: { instances: { id: string; metadata?: object }[] }[];
    };
    expect(dumped).toMatchObject({ format: 'rollcall-dump', version: 1, namespace: 'default' });
    expect(dumped.services.map(({ instances }) => instances.map(({ id }) => id))).toEqual([
      ['one', 'two'],
      ['10.0.0.2:80'],
    ]);
    expect(Object.keys(dumped.services[1]?.instances[0]?.metadata ?? {})).toEqual(['a', 'z']);
  });

  it('writes the services that are named, also one that nobody registered', async () => {
    await at.list({ service: 'a', host: '10.0.0.1', port: 80 });
    await at.list({ service: 'b', host: '10.0.0.1', port: 80 });
    const { stdout } = await at.run(['dump', 'b', 'c']);
    expect(JSON.parse(stdout)).toMatchObject({
      services: [
        { service: 'b', instances: [{ id: '10.0.0.1:80' }] },
        { service: 'c', instances: [] },
      ],
    });
  });
});

describe('looking', () => {
  const file = () => join(at.folder, 'rollcall.config.json');
  afterEach(() => writeFile(file(), '{}'));

  it('reads the configuration of the folder, but lists nothing of its service block', async () => {
    const dir = join(at.folder, 'registry');
    const config = {
      registry: { type: 'file', options: { dir } },
      service: { name: 'myself', port: 1, host: '127.0.0.1' },
      discovery: { snapshotDir: join(at.folder, 'saved') },
    };
    await writeFile(file(), JSON.stringify(config));
    await at.list({ service: 'users', host: '10.0.0.1', port: 80 });
    const env = { ROLLCALL_REGISTRY_TYPE: '', ROLLCALL_REGISTRY_OPTIONS: '' };
    const { stdout } = await at.run(['services', '--json'], { env });
    expect(JSON.parse(stdout)).toMatchObject({ services: [{ service: 'users' }] });
    expect(await at.listed('myself')).toEqual([]);
  });

  it('takes the registry from the command line before all else', async () => {
    await at.list({ service: 'users', host: '10.0.0.1', port: 80 });
    const dir = join(at.folder, 'another');
    const { code, stdout } = await at.run([
      'services',
      '--json',
      '--registry',
      'file',
      '--option',
      `dir=${dir}`,
    ]);
    expect([code, JSON.parse(stdout)]).toEqual([0, { namespace: 'default', services: [] }]);
  });
});
