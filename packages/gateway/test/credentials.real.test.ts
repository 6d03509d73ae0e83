import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessControl, createApiKey, type PolicyInput } from '@rollcall/access';
import {
  fingerprintAt,
  fingerprintOf,
  makeCertificates,
  type Certificates,
} from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayTls } from '../src/index.ts';
import { readEvents } from './support/event-reader.ts';
import { runGateway } from './support/running-gateway.ts';

let folder = '';
let certificates: Certificates;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-credentials-'));
  certificates = await makeCertificates(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const watcher: PolicyInput['roles'] = { watcher: [{ verbs: ['list', 'watch'], namespaces: ['*'] }] };
const EVENTS = '/v1/namespaces/default/services/users/events';

async function tls(more: Partial<GatewayTls> = {}): Promise<GatewayTls> {
  const { caFile, server } = certificates;
  return {
    ca: await readFile(caFile),
    cert: await readFile(server.certFile),
    key: await readFile(server.keyFile),
    ...more,
  };
}

async function get(
  url: string,
  withCertificate: boolean,
  headers = {},
): Promise<{ status: number; body: unknown }> {
  const { caFile, client } = certificates;
  const ca = await readFile(caFile);
  const own = withCertificate && {
    cert: await readFile(client.certFile),
    key: await readFile(client.keyFile),
  };
  return await new Promise((resolve, reject) => {
    const sent = request(url, { ca, ...own, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown }),
      );
    });
    sent.once('error', reject);
    sent.end();
  });
}

describe('TLS', () => {
  it('makes the owner of a client certificate its subject, and nobody else', async () => {
    const access = await AccessControl.open({
      policy: { roles: watcher, subjects: [{ subject: 'rollcall-client', roles: ['watcher'] }] },
    });
    const running = await runGateway({ access, tls: await tls() });
    expect(running.url).toMatch(/^https:/);
    expect(await get(`${running.url}/v1/me`, true)).toMatchObject({
      status: 200,
      body: { subject: 'rollcall-client', roles: ['watcher'], namespaces: [{ verbs: ['list', 'watch'] }] },
    });
    expect(await get(`${running.url}/v1/me`, false)).toMatchObject({ status: 401 });
    // Who shows other credentials is judged by these alone.
    const wrong = { authorization: 'Bearer rck_nobody_nothing' };
    expect(await get(`${running.url}/v1/me`, true, wrong)).toMatchObject({ status: 401 });
    await running.close();
    await access.close();
  });

  it('lets only certified clients connect, where that is asked for', async () => {
    const running = await runGateway({ tls: await tls({ requireClientCertificate: true }) });
    expect(await get(`${running.url}/livez`, true)).toMatchObject({ status: 200 });
    await expect(get(`${running.url}/livez`, false)).rejects.toThrow(/alert|hang up|ECONNRESET|EPIPE/);
    await running.close();
  });
});

describe('a certificate that is renewed', () => {
  let later: Certificates;
  beforeAll(async () => {
    later = await makeCertificates(await mkdtemp(join(folder, 'later-')));
  });

  it('is shown to new connections; one that is no good changes nothing', async () => {
    const running = await runGateway({ tls: await tls(), insecureOpenAccess: true });
    const { port } = new URL(running.url);
    const shown = () => fingerprintAt(Number(port));
    const [before, after] = [certificates, later].map(({ server }) => fingerprintOf(server.certFile));
    expect(await shown()).toBe(await before);
    const cert = await readFile(later.server.certFile);
    const key = await readFile(later.server.keyFile);
    const { key: keyBefore } = await tls();
    for (const bad of [
      { cert, key: keyBefore },
      { cert: 'nonsense', key },
    ])
      expect(() => running.gateway.renewTls(bad)).toThrow(
        expect.objectContaining({ code: 'INVALID_CONFIG', field: 'tls' }),
      );
    expect(await shown()).toBe(await before);
    running.gateway.renewTls({ cert, key });
    expect(await shown()).toBe(await after);
    await running.close();
  });

  it('is none where there is no TLS', async () => {
    const running = await runGateway();
    const texts = await tls();
    expect(() => running.gateway.renewTls(texts)).toThrow('was started without TLS');
    await running.close();
  });
});

describe('credentials', () => {
  it('of the kind that nobody signed let nobody in', async () => {
    const file = join(folder, 'policy.json');
    await writeFile(join(folder, 'secret'), 'x'.repeat(64));
    await writeFile(
      file,
      JSON.stringify({
        roles: watcher,
        tokens: [
          { issuer: 'https://id.example', audience: 'rollcall', algorithms: ['HS256'], secretFile: 'secret' },
        ],
      }),
    );
    const opened = await AccessControl.open({ file });
    const running = await runGateway({ access: opened });
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = {
      iss: 'https://id.example',
      aud: 'rollcall',
      sub: 'alice',
      exp: Math.floor(Date.now() / 1_000) + 60,
    };
    const token = `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
    const refused = await running.call('GET', '/v1/me', { headers: { authorization: `Bearer ${token}` } });
    expect(refused).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(JSON.stringify(refused.body)).not.toContain(token.slice(0, 20));
    await running.close();
    await opened.close();
  });

  it('that expire end the streams that they opened', async () => {
    const key = createApiKey('brief');
    const expires = new Date(Date.now() + 4_000).toISOString();
    const access = await AccessControl.open({
      policy: {
        roles: watcher,
        keys: [{ id: 'brief', hash: key.hash, subject: 'brief', roles: ['watcher'], expires }],
      },
    });
    const running = await runGateway({ access });
    const headers = { authorization: `Bearer ${key.key}` };
    const events = await readEvents(`${running.url}${EVENTS}`, { headers });
    expect(await events.next()).toMatchObject({ event: 'list' });
    expect(await events.next()).toMatchObject({
      event: 'end',
      data: { status: 401, code: 'UNAUTHENTICATED' },
    });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expires));
    expect(await events.next()).toBeUndefined();
    await events.close();
    expect((await running.call('GET', '/v1/me', { headers })).status).toBe(401);
    await running.close();
    await access.close();
  });

  it('that a new policy allows less lose their streams, and the others keep theirs', async () => {
    const file = join(folder, 'changing.json');
    const keys = { a: createApiKey('a'), b: createApiKey('b') };
    const write = (subjects: readonly ('a' | 'b')[]) =>
      writeFile(
        file,
        JSON.stringify({
          roles: { ...watcher, none: [] },
          keys: (['a', 'b'] as const).map((id) => ({
            id,
            hash: keys[id].hash,
            subject: id,
            roles: [subjects.includes(id) ? 'watcher' : 'none'],
          })),
        }),
      );
    await write(['a', 'b']);
    let reloaded = (): void => {};
    const changed = new Promise<void>((resolve) => (reloaded = resolve));
    const access = await AccessControl.open({ file, onReload: () => reloaded() });
    const running = await runGateway({ access });
    const open = (id: 'a' | 'b') =>
      readEvents(`${running.url}${EVENTS}`, { headers: { authorization: `Bearer ${keys[id].key}` } });
    const [kept, lost] = [await open('a'), await open('b')];
    await Promise.all([kept.next(), lost.next()]);
    await write(['a']);
    await changed;
    running.gateway.recheck();
    expect(await lost.next()).toMatchObject({
      event: 'end',
      data: { status: 403, code: 'PERMISSION_DENIED' },
    });
    const closed = running.gateway.close();
    expect(await kept.next()).toMatchObject({ event: 'end', data: { status: 503 } });
    await Promise.all([kept.close(), lost.close(), closed]);
    await running.close();
    await access.close();
  });
});
