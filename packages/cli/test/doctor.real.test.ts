import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../src/finding.ts';
import { workplace } from './support/folder.ts';

const at = workplace();
const BARE = { env: { ROLLCALL_REGISTRY_TYPE: '', ROLLCALL_REGISTRY_OPTIONS: '' } };

const findings = (stdout: string) => JSON.parse(stdout) as { ok: boolean; checks: readonly Finding[] };
const statuses = (stdout: string) =>
  Object.fromEntries(findings(stdout).checks.map(({ check, status }) => [check, status]));

let stopServer = (): void => {};
afterEach(() => stopServer());

/** An HTTP server that answers every request alike, at a time of its own. */
async function answering(status: number, now: Date): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { date: now.toUTCString() }).end('[]');
  });
  stopServer = () => {
    server.closeAllConnections();
    server.close();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('rollcall doctor', () => {
  it('makes a round trip, and leaves nothing behind', async () => {
    const { code, stdout } = await at.run(['doctor', '--json']);
    expect(statuses(stdout)).toEqual({
      configuration: 'ok',
      adapter: 'ok',
      registry: 'ok',
      credentials: 'ok',
      'round trip': 'ok',
      clock: 'skipped',
      address: 'ok',
    });
    expect([code, findings(stdout).ok]).toEqual([0, true]);
    const [{ says } = { says: '' }] = findings(stdout).checks;
    expect(says).toContain('2 variables (ROLLCALL_REGISTRY_TYPE, ROLLCALL_REGISTRY_OPTIONS)');
    expect(await at.registry().services()).toEqual([]);
  });

  it('writes one line for each check', async () => {
    const { stdout } = await at.run(['doctor']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines[2]).toMatch(/^ok {7}registry {7}file answers, in [\d.]+ m?s$/);
  });

  it('fails where the configuration is wrong, and skips what needs it', async () => {
    const { code, stdout } = await at.run(['doctor', '--json', '--option', 'dri=x']);
    expect(code).toBe(1);
    expect(statuses(stdout)).toMatchObject({ configuration: 'ok', adapter: 'failed', registry: 'skipped' });
  });

  it('fails where the adapter is not installed, and says how it is', async () => {
    const { code, stdout } = await at.run(['doctor', '--registry', '@rollcall/none'], BARE);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed {3}adapter .*run npm install @rollcall\/none$/m);
  });

  it('fails where nobody answers, and says what to look at', async () => {
    const url = await answering(200, new Date());
    stopServer();
    const { code, stdout } = await at.run(
      ['doctor', '--registry', 'etcd', '--option', `endpoints=["${url}"]`],
      BARE,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed {3}registry {7}connect to etcd/m);
    expect(stdout).toContain('→ look whether it runs');
  });

  it('tells wrong credentials from a registry that is not there, and a clock that is off', async () => {
    const url = await answering(403, new Date(Date.now() - 3_600_000));
    const { code, stdout } = await at.run(
      ['doctor', '--json', '--registry', 'consul', '--option', `addresses=["${url}"]`],
      BARE,
    );
    expect(code).toBe(1);
    expect(statuses(stdout)).toMatchObject({
      registry: 'ok',
      credentials: 'failed',
      'round trip': 'skipped',
      clock: 'warning',
    });
    const clock = findings(stdout).checks.find(({ check }) => check === 'clock');
    expect(clock?.says).toMatch(/^this machine is (?:59|60) min ahead of 127\.0\.0\.1:/);
    const asked = await at.run(
      ['services', '--registry', 'consul', '--option', `addresses=["${url}"]`],
      BARE,
    );
    expect(asked.code).toBe(4);
  });

  it('warns of a loopback address while the registry is on another machine', async () => {
    const env = {
      ...BARE.env,
      ROLLCALL_SERVICE_NAME: 'me',
      ROLLCALL_SERVICE_PORT: '80',
      ROLLCALL_SERVICE_HOST: '127.0.0.1',
    };
    // An address for documentation (RFC 5737): nobody answers there.
    const options = [
      '--registry',
      'consul',
      '--option',
      'addresses=["http://192.0.2.1:8500"]',
      '--timeout',
      '1s',
    ];
    const { stdout } = await at.run(['doctor', '--json', ...options], { env });
    const address = findings(stdout).checks.find(({ check }) => check === 'address');
    expect(address).toMatchObject({ status: 'warning', remedy: expect.stringContaining('set service.host') });
  });
});
