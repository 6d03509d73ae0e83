import { copyFile, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Certificates,
  fingerprintAt,
  fingerprintOf,
  makeCertificates,
} from '@rollcall-tools/registries';
import { describe, expect, it } from 'vitest';
import { workplace } from './support/folder.ts';
import type { Program } from './support/program.ts';

const at = workplace();
// The embedded store, not the workplace's registry.
const env = { ROLLCALL_REGISTRY_TYPE: '', ROLLCALL_REGISTRY_OPTIONS: '' };

function serve(...args: readonly string[]): Program {
  return at.start(['serve', '--port', '0', ...args], { env });
}

async function urlOf(program: Program): Promise<string> {
  await program.shows(/serving (http\S+)/);
  return /serving (http[^\s,]+)/.exec(program.stdout)?.[1] ?? '';
}

async function call(method: string, url: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

describe('rollcall serve', () => {
  it('serves an embedded store, and ends on SIGTERM with code 0', async () => {
    const program = serve('--data', 'first');
    const url = await urlOf(program);
    expect(await call('GET', `${url}/readyz`)).toMatchObject({ status: 200 });
    expect(program.stderr).toContain('--policy FILE says who may do what');
    program.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it('has after a kill -9 whatever it had said yes to: instances, leases and overrides', async () => {
    const before = serve('--data', 'killed');
    const url = await urlOf(before);
    const { body } = await call('POST', `${url}/v1/leases`, { ttlMs: 30_000 });
    const lease = (body as { id: string }).id;
    const instances = `${url}/v1/namespaces/default/services/users/instances`;
    const register = (id: string, port: number) =>
      call('PUT', `${instances}/${id}`, { host: '10.0.0.7', port }, { 'rollcall-lease': lease });
    await register('drained', 999);
    expect(await call('PUT', `${instances}/drained/override`, { weight: 0 })).toMatchObject({ status: 200 });
    // Killed in the middle of many changes: only those that were answered count.
    const said: string[] = [];
    const changing = Array.from({ length: 200 }, async (_, n) => {
      const id = `instance-${n}`;
      const put = await register(id, 1_000 + n).catch(() => undefined);
      if (put?.status !== 201) return;
      said.push(id);
      if (said.length === 60) before.kill('SIGKILL');
    });
    await Promise.all(changing);
    await before.ended;
    expect(said.length).toBeGreaterThanOrEqual(60);

    const after = serve('--data', 'killed');
    const again = await urlOf(after);
    const list = await call('GET', `${again}/v1/namespaces/default/services/users/instances`);
    const listed = (list.body as { instances: { id: string; weight: number }[] }).instances;
    const ids = new Set(listed.map(({ id }) => id));
    expect(said.filter((id) => !ids.has(id))).toEqual([]);
    expect(await call('POST', `${again}/v1/leases/${lease}/renew`)).toMatchObject({ status: 200 });
    expect(listed.find(({ id }) => id === 'drained')).toMatchObject({ weight: 0 });
    expect(
      await call('DELETE', `${again}/v1/namespaces/default/services/users/instances/drained/override`),
    ).toMatchObject({ status: 200, body: { weight: 1 } });
  });

  it('lets nobody in whom the policy does not let in, and follows it while it changes', async () => {
    const policy = join(at.folder, 'policy.yaml');
    const anybodyMay = (verbs: string) =>
      `roles: { some: [{ verbs: [${verbs}], namespaces: ['*'] }] }\nanonymous: { roles: [some] }\n`;
    await writeFile(policy, anybodyMay('list, watch'));
    const program = serve('--data', 'guarded', '--policy', policy);
    const url = await urlOf(program);
    expect(await call('GET', `${url}/v1/namespaces/default/services`)).toMatchObject({ status: 200 });
    const put = () =>
      call(
        'PUT',
        `${url}/v1/namespaces/default/services/a/instances/a`,
        { host: 'h', port: 1 },
        { 'rollcall-lease': 'x' },
      );
    expect(await put()).toMatchObject({ status: 403 });
    await program.shows(/"allowed":false/, 'stderr');
    await writeFile(policy, 'roles: [nonsense]');
    await program.shows(/is refused, the one before stays/, 'stderr');
    expect(await put()).toMatchObject({ status: 403 });
    await writeFile(policy, anybodyMay('list, watch, register'));
    await program.shows(/has changed and holds/, 'stderr');
    expect(await put()).toMatchObject({ status: 404, body: { code: 'LEASE_LOST' } });
  });

  it('shows a certificate that was renewed, and keeps the one before while the files are no good', async () => {
    const made = ['now-', 'later-'].map(async (name) => {
      const { server } = await makeCertificates(await mkdtemp(join(at.folder, name)));
      return server;
    });
    const [now, later] = (await Promise.all(made)) as [Certificates['server'], Certificates['server']];
    const [cert, key] = [join(at.folder, 'cert.pem'), join(at.folder, 'key.pem')];
    await copyFile(now.certFile, cert);
    await copyFile(now.keyFile, key);
    const program = serve('--data', 'certified', '--tls-cert', cert, '--tls-key', key);
    const { port } = new URL(await urlOf(program));
    expect(await fingerprintAt(Number(port))).toBe(await fingerprintOf(now.certFile));
    await copyFile(later.certFile, cert);
    await program.shows(/the files of TLS can't be taken, the ones before stay/, 'stderr');
    expect(await fingerprintAt(Number(port))).toBe(await fingerprintOf(now.certFile));
    await copyFile(later.keyFile, key);
    await program.shows(/has changed and holds for new connections/, 'stderr');
    expect(await fingerprintAt(Number(port))).toBe(await fingerprintOf(later.certFile));
    expect(program.stderr).not.toContain('PRIVATE KEY');
  });

  it('does not open itself to others by mistake', async () => {
    const refused = await at.run(['serve', '--host', '0.0.0.0'], { env });
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('--policy');
    const opposites = await at.run(['serve', '--policy', 'x.yaml', '--insecure-open-access'], { env });
    expect(opposites).toMatchObject({ code: 2 });
  });

  it('says which folder another process has', async () => {
    const first = serve('--data', 'shared');
    await urlOf(first);
    const second = await at.run(['serve', '--port', '0', '--data', 'shared'], { env });
    expect(second).toMatchObject({ code: 3 });
    expect(second.stderr).toContain('another process has it open');
  });
});
