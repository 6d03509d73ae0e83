import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';

const at = workplace();
/** So that callers need not be waited for. */
const QUICK = { env: { ROLLCALL_SHUTDOWN_PROPAGATION_DELAY_MS: '50' } };

/** A server as a command: it says when it listens, and what signal it got. */
const SERVER = `
  const server = require('node:net').createServer(() => {});
  const [port, delay, code] = process.argv.slice(1).map(Number);
  setTimeout(() => server.listen(port, '127.0.0.1', () => console.log('listening')), delay);
  process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(code); });
`;

describe('rollcall register', () => {
  it('keeps an instance listed, and takes it out on SIGTERM', async () => {
    const options = [
      '--port',
      '80',
      '--host',
      '10.0.0.9',
      '--id',
      'one',
      '--weight',
      '2.5',
      '--zone',
      'eu-1',
    ];
    const more = ['--tag', 'a', '--tag', 'b', '--meta', 'k=v=w', '--meta', 'empty='];
    const register = at.start(['register', 'users', ...options, ...more], QUICK);
    await register.shows(/^listed users\/one \(10\.0\.0\.9:80\); Ctrl-C takes it out\n/, 'stderr');
    const { instances } = await at.registry().service('users').load();
    expect(instances).toEqual([
      {
        service: 'users',
        namespace: 'default',
        id: 'one',
        host: '10.0.0.9',
        port: 80,
        status: 'UP',
        weight: 2.5,
        zone: 'eu-1',
        tags: ['a', 'b'],
        metadata: { k: 'v=w', empty: '' },
      },
    ]);
    register.kill('SIGTERM');
    const { code, stderr } = await register.ended;
    expect([code, stderr]).toEqual([0, expect.stringContaining('left users/one (10.0.0.9:80)')]);
    expect(await at.listed('users')).toEqual([]);
  });

  it('tells it as JSON, one object a line', async () => {
    const register = at.start(['register', 'users', '--port', '80', '--host', '10.0.0.9', '--json'], QUICK);
    await register.shows(/"event":"listed"/);
    register.kill('SIGINT');
    const { code, stdout } = await register.ended;
    expect(code).toBe(0);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(events).toMatchObject([{ event: 'listed', instance: { host: '10.0.0.9' } }, { event: 'left' }]);
  });

  it('refuses what no instance can be, and lists nothing', async () => {
    const { code, stderr } = await at.run(['register', 'users', '--port', '80', '--host', 'http://x']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error host must be a bare host name or IP address/);
  });
});

describe('rollcall register with a command', () => {
  const withServer = async (delayMs: number, code: number) => {
    const port = await freePort();
    const own = ['register', 'served', '--port', String(port), '--host', '127.0.0.1', '--json'];
    const command = [process.execPath, '-e', SERVER, String(port), String(delayMs), String(code)];
    return { port, program: at.start([...own, '--', ...command], QUICK) };
  };

  it('lists it once its port is open, leaves standard output to it, and passes the signal and the code on', async () => {
    const { port, program } = await withServer(500, 7);
    await program.shows(/"event":"listed"/, 'stderr');
    await program.shows(/^listening\n$/);
    expect(await at.listed('served')).toEqual([`127.0.0.1:${port}`]);
    program.kill('SIGTERM');
    const { code, stdout, stderr } = await program.ended;
    expect([code, stdout]).toEqual([7, 'listening\ngot SIGTERM\n']);
    expect(stderr).toContain('"event":"left"');
    expect(await at.listed('served')).toEqual([]);
  });

  it('takes it out when it ends by itself, and ends with its code', async () => {
    const args = ['register', 'served', '--port', '80', '--host', '127.0.0.1', '--'];
    const { code } = await at.run([...args, process.execPath, '-e', 'process.exit(5)'], QUICK);
    expect(code).toBe(5);
    expect(await at.listed('served')).toEqual([]);
  });

  it('says that there is no such program', async () => {
    const { code, stderr } = await at.run(['register', 'served', '--port', '80', '--', 'no-such-program']);
    expect([code, stderr]).toEqual([1, "error can't run no-such-program: there is no such program\n"]);
  });
});

describe('rollcall deregister', () => {
  it('removes what another process left behind, and says that one that lives comes back', async () => {
    const register = at.start(['register', 'orphans', '--port', '80', '--host', '10.0.0.9', '--id', 'one']);
    await register.shows(/^listed/, 'stderr');
    register.kill('SIGKILL');
    await register.ended;
    const { code, stderr } = await at.run(['deregister', 'orphans', 'one', '--yes']);
    expect([code, stderr]).toEqual([
      0,
      'removed orphans/one. A process that lives registers itself again: to keep it away, stop the process.\n',
    ]);
    expect(await at.listed('orphans')).toEqual([]);
  });

  it('fails when it is not listed, and says what is', async () => {
    await at.list({ service: 'orphans', id: 'one', host: '10.0.0.1', port: 80 });
    const { code, stderr } = await at.run(['deregister', 'orphans', 'two', '--yes']);
    expect([code, stderr]).toEqual([1, 'orphans has no instance two: listed are one\n']);
  });

  it('asks at a terminal, and takes anything but yes for no', async () => {
    await at.list({ service: 'orphans', id: 'one', host: '10.0.0.1', port: 80 });
    const asked = at.start(['deregister', 'orphans', 'one'], { atTerminal: true });
    await asked.shows(/Remove it\? \[y\/N\] /);
    asked.type('\n');
    const { code, stdout } = await asked.ended;
    expect(code).toBe(1);
    expect(stdout).toContain('nothing was removed');
    expect(await at.listed('orphans')).toEqual(['one']);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
