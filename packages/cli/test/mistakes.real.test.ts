import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();
/** Without the registry of the folder. */
const BARE = { env: { ROLLCALL_REGISTRY_TYPE: '', ROLLCALL_REGISTRY_OPTIONS: '' } };

describe('a mistake in the command line', () => {
  it.each([
    [['servcies'], 'error there is no command servcies. Did you mean services?\nTry rollcall help.\n'],
    [
      ['instances', 'a', '--jsno'],
      'error there is no option --jsno. Did you mean --json?\nTry rollcall help instances.\n',
    ],
    [
      ['register', 'a'],
      'error register needs --port, the port that callers connect to\nTry rollcall help register.\n',
    ],
    [
      ['register', 'a', '--port', 'http'],
      'error --port is a number from 1 to 65535, not http\nTry rollcall help register.\n',
    ],
    [
      ['register', 'a', '--port', '65536'],
      'error --port is a number from 1 to 65535, not 65536\nTry rollcall help register.\n',
    ],
    [
      ['deregister', 'a', 'b'],
      'error deregister needs --yes where nobody can be asked\nTry rollcall help deregister.\n',
    ],
    [
      ['completion', 'csh'],
      'error completion is for bash, zsh, fish, not csh\nTry rollcall help completion.\n',
    ],
  ])('%j is one clear line, with code 2 and nothing on standard output', async (args, message) => {
    const { code, stdout, stderr } = await at.run(args);
    expect([code, stdout, stderr]).toEqual([2, '', message]);
  });

  it('is no command at all: the help, with code 2', async () => {
    const { code, stderr } = await at.run([]);
    expect(code).toBe(2);
    expect(stderr).toContain('rollcall COMMAND [OPTIONS]');
  });
});

describe('a mistake in the configuration', () => {
  it('is a registry that there is not: the nearest one is named, with code 2', async () => {
    const { code, stderr } = await at.run(['services', '--registry', 'etcdd'], BARE);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error Invalid configuration: registry\.type is etcdd, .*Did you mean etcd\?\n$/);
  });

  it('is an adapter that is not installed: what to install, with code 2', async () => {
    const { code, stderr } = await at.run(['services', '--registry', '@rollcall/none'], BARE);
    expect(code).toBe(2);
    expect(stderr).toContain("that package isn't installed: run npm install @rollcall/none");
  });

  it('is an option that there is not: said to be of the command line', async () => {
    const { code, stderr } = await at.run(['services', '--option', 'dri=x'], BARE);
    expect(code).toBe(2);
    expect(stderr).toContain('registry.options.dri is not a known key: did you mean registry.options.dir?');
    expect(stderr).toContain('(in the command line)');
  });

  it('never shows a password', async () => {
    const options = [
      '--option',
      'password=hunter2',
      '--option',
      'endpoints=["http://me:hunter3@127.0.0.1:1"]',
    ];
    const { code, stdout, stderr } = await at.run(
      ['doctor', '--registry', 'etcd', ...options, '--verbose'],
      BARE,
    );
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`).not.toMatch(/hunter/);
  });
});

describe('a registry that cannot be reached', () => {
  const unreachable = async () => [
    '--registry',
    'etcd',
    '--option',
    `endpoints=["http://127.0.0.1:${await closedPort()}"]`,
  ];

  it('is code 3 and one line, for every command that asks it', async () => {
    const registry = await unreachable();
    for (const args of [['services'], ['instances', 'a'], ['dump'], ['deregister', 'a', 'b', '--yes']]) {
      const { code, stdout, stderr } = await at.run([...args, ...registry], BARE);
      expect([code, stdout], args.join(' ')).toEqual([3, '']);
      expect(stderr.split('\n').filter((line) => line.startsWith('error '))).toHaveLength(1);
      expect(stderr).not.toContain('    at ');
    }
  });

  it('has the stack with --verbose', async () => {
    const { stderr } = await at.run(['services', '--verbose', ...(await unreachable())], BARE);
    expect(stderr).toMatch(/\n +at /);
    expect(stderr).toContain('code UNAVAILABLE');
  });

  it('ends a watch that has no list yet, after saying why', async () => {
    const { code, stdout } = await at.run(['watch', 'a', '--timeout', '1s', ...(await unreachable())], BARE);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^\S+Z ! no list yet: connect to etcd/);
  });

  it('ends the wait of a registration too', async () => {
    const args = ['register', 'a', '--port', '80', '--host', '10.0.0.1', '--timeout', '1s'];
    const { code } = await at.run([...args, ...(await unreachable())], BARE);
    expect(code).toBe(3);
  });
});

describe('a registry that takes the connection and is silent', () => {
  it('ends the wait after --timeout, with code 3', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const options = [
        '--registry',
        'consul',
        '--option',
        `addresses=["http://127.0.0.1:${port}"]`,
        '--timeout',
        '500ms',
      ];
      const { code, stderr } = await at.run(['services', ...options], BARE);
      expect(stderr).toContain('no answer within 500 ms');
      expect(code).toBe(3);
    } finally {
      server.close();
    }
  });
});

describe('the help', () => {
  it('is on standard output, by each way to ask for it', async () => {
    const [first, ...others] = await Promise.all(
      [
        ['help', 'watch'],
        ['watch', '--help'],
        ['watch', 'x', '-h'],
      ].map((args) => at.run(args)),
    );
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first?.stdout).toContain('rollcall watch SERVICE [OPTIONS]');
    for (const other of others) expect(other).toEqual(first);
  });

  it('is data with --json, and so is the script of a shell', async () => {
    const [one, all, script] = await Promise.all(
      [
        ['help', 'drain', '--json'],
        ['help', '--json'],
        ['completion', 'fish', '--json'],
      ].map(async (args) => JSON.parse((await at.run(args)).stdout) as Record<string, unknown>),
    );
    expect(one).toMatchObject({ name: 'drain', operands: 'SERVICE [ID…]' });
    expect(one?.['options']).toContainEqual({ option: '--all', says: 'every instance of the service' });
    expect(all?.['commands']).toContainEqual(one);
    expect(script).toEqual({ shell: 'fish', script: expect.stringContaining('complete -c rollcall') });
  });

  it('has the version', async () => {
    expect((await at.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
