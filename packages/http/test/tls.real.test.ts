import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { rejection, serve, Stage } from './stage.ts';

interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for a name that vouches for itself. */
function identity(name: string): Identity {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync('openssl', ['req', '-x509', ...newKey, '-out', cert, '-days', '2', ...subject], {
    stdio: 'ignore',
  });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

describe('TLS', () => {
  it('checks the certificate for the name of the service, or the one that it is told', async () => {
    const [service, host] = [identity('user-service'), identity('a.internal')];
    const ca = [service.cert, host.cert];
    const stage = await Stage.begin();
    const a = await serve('a', undefined, service);
    const b = await serve('b', undefined, host);
    await stage.list(a, { scheme: 'https' });
    const get = async (fetch: ReturnType<Stage['fetch']>, url: string) => (await fetch(url)).text();
    const trusting = stage.fetch({ tls: { ca } });
    expect(await get(trusting, 'https://user-service/')).toBe('a');
    // An instance that says https is called by it in any case.
    expect(await get(trusting, 'http://user-service/')).toBe('a');
    expect((await rejection(stage.fetch()('https://user-service/'))).message).toMatch(/certificate/u);
    await stage.unlist('a');
    await stage.list(b, { scheme: 'https' });
    await expect.poll(() => trusting.dispatcher.balancerOf('user-service')?.report[0]?.instance.id).toBe('b');
    expect((await rejection(trusting('https://user-service/'))).message).toMatch(/altnames|a\.internal/u);
    const named = stage.fetch({
      tls: { ca, serverName: (instance) => (instance.id === 'b' ? 'a.internal' : 'x') },
    });
    expect(await get(named, 'https://user-service/')).toBe('b');
  });
});
