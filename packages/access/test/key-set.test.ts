import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ManualClock } from '@rollcall/core/testing';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AccessControl, AuthenticationError } from '../src/index.ts';
import { AUDIENCE, ISSUER, newKey, type SigningKey, TestIssuer, token } from './support/issuer.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const MINUTE_MS = 60_000;
const folder = temporaryFolder();
const soon = () => AbortSignal.timeout(10_000);

let first: SigningKey;
let second: SigningKey;
beforeAll(async () => {
  [first, second] = await Promise.all([newKey('first'), newKey('second')]);
});

async function start(options: { readonly jwks?: string } = {}) {
  const issuer = await TestIssuer.start([first]);
  onTestFinished(() => issuer.stop());
  const clock = new ManualClock();
  const control = await AccessControl.open({
    clock,
    policy: {
      roles: {},
      tokens: [
        {
          issuer: ISSUER,
          audience: AUDIENCE,
          algorithms: ['ES256'],
          jwks: options.jwks ?? issuer.jwks,
          maxLifetimeMs: 24 * 60 * MINUTE_MS,
        },
      ],
    },
  });
  onTestFinished(() => control.close());
  const letIn = async (key: SigningKey, claims: Readonly<Record<string, unknown>> = {}) => {
    const now = Math.floor(clock.wallNow() / 1_000);
    const text = await token(key, {
      now,
      claims: { exp: now + 36_000, jti: String(Math.random()), ...claims },
    });
    return await control.authenticate(`Bearer ${text}`, soon()).then(
      () => 'let in',
      (error: { code: string; reason?: string }) => error.reason ?? error.code,
    );
  };
  return { issuer, clock, control, letIn };
}

describe('keys at an address', () => {
  it('are read when the first token comes, once for many', async () => {
    const { issuer, letIn } = await start();
    expect(issuer.fetches).toBe(0);
    const all = await Promise.all(Array.from({ length: 20 }, () => letIn(first)));
    expect(new Set(all)).toEqual(new Set(['let in']));
    expect(issuer.fetches).toBe(1);
  });

  it('that are rotated: a new key is read at once, and the old one goes with the set', async () => {
    const { issuer, clock, letIn } = await start();
    expect(await letIn(first)).toBe('let in');
    await clock.advance(MINUTE_MS);
    issuer.keys = [first.jwk, second.jwk];
    expect(await letIn(second)).toBe('let in');
    expect(await letIn(first)).toBe('let in');
    issuer.keys = [second.jwk];
    await clock.advance(11 * MINUTE_MS);
    await letIn(second);
    await expect.poll(() => issuer.fetches).toBe(3);
    await expect.poll(() => letIn(first)).toBe('key');
    expect(await letIn(second)).toBe('let in');
  });

  it('that are withdrawn take verified tokens with them', async () => {
    const { issuer, clock, control } = await start();
    const now = Math.floor(clock.wallNow() / 1_000);
    const kept = `Bearer ${await token(first, { now, claims: { exp: now + 36_000 } })}`;
    const principal = await control.authenticate(kept, soon());
    expect(await control.authenticate(kept, soon())).toBe(principal);
    issuer.keys = [second.jwk];
    await clock.advance(MINUTE_MS);
    const other = await token(second, { now: now + 60 });
    await control.authenticate(`Bearer ${other}`, soon());
    await expect(control.authenticate(kept, soon())).rejects.toMatchObject({ reason: 'key' });
  });

  it('are asked for once in the cool-down, however many invented keys come', async () => {
    const { issuer, clock, letIn } = await start();
    await letIn(first);
    const flood = async (n: number) => {
      const invented = { ...second, kid: `kid-${n}-${Math.random()}` };
      return await letIn(invented);
    };
    for (let i = 0; i < 200; i++) expect(await flood(i)).toBe('key');
    expect(issuer.fetches).toBe(1);
    await clock.advance(30_000);
    await Promise.all(Array.from({ length: 100 }, (_, i) => flood(i)));
    expect(issuer.fetches).toBe(2);
    for (let i = 0; i < 100; i++) await flood(i);
    expect(issuer.fetches).toBe(2);
    expect(await letIn(first)).toBe('let in');
  });

  it('that can’t be read are an outage, not a refusal; and one that is over is soon seen', async () => {
    const { issuer, clock, letIn } = await start();
    issuer.answer = { status: 503 };
    expect(await letIn(first)).toBe('UNAVAILABLE');
    for (let i = 0; i < 50; i++) expect(await letIn(first)).toBe('UNAVAILABLE');
    expect(issuer.fetches).toBe(1);
    issuer.answer = undefined;
    await clock.advance(5_000);
    expect(await letIn(first)).toBe('let in');
  });

  it('count on in an outage for an hour beyond their cache time, then nobody knows', async () => {
    const { issuer, clock, letIn } = await start();
    expect(await letIn(first)).toBe('let in');
    issuer.answer = { status: 500 };
    for (let minutes = 0; minutes < 69; minutes += 23) {
      await clock.advance(23 * MINUTE_MS);
      expect(await letIn(first)).toBe('let in');
    }
    // A key that isn't known may be new: with the issuer down, nobody can tell.
    await clock.advance(6_000);
    expect(await letIn(second)).toBe('UNAVAILABLE');
    await clock.advance(2 * MINUTE_MS);
    expect(await letIn(first)).toBe('UNAVAILABLE');
    issuer.answer = undefined;
    await clock.advance(6_000);
    expect(await letIn(first)).toBe('let in');
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['no key set', '{"jwks":[]}'],
    ['a key twice', '{"keys":[],"keys":[]}'],
    ['too many keys', JSON.stringify({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })],
    ['too large', `{"keys":[],"fill":"${'x'.repeat(300_000)}"}`],
  ])('that are %s are not taken', async (_what, body) => {
    const { issuer, letIn } = await start();
    issuer.answer = { status: 200, body };
    expect(await letIn(first)).toBe('UNAVAILABLE');
  });

  it('are not followed to another address', async () => {
    const { issuer, letIn } = await start();
    const evil = await TestIssuer.start([second]);
    onTestFinished(() => evil.stop());
    issuer.answer = { status: 302, headers: { location: evil.jwks } };
    expect(await letIn(second)).toBe('UNAVAILABLE');
    expect(evil.fetches).toBe(0);
  });

  it('that are secrets are no public keys', async () => {
    const { issuer, letIn } = await start();
    issuer.keys = [{ kty: 'oct', k: Buffer.alloc(32, 1).toString('base64url'), kid: 'first', alg: 'ES256' }];
    expect(await letIn(first)).toBe('key');
  });

  it('are read to the end also when who asked first has gone', async () => {
    const { issuer, clock, control, letIn } = await start();
    const now = Math.floor(clock.wallNow() / 1_000);
    const gone = new AbortController();
    const asking = control.authenticate(`Bearer ${await token(first, { now })}`, gone.signal);
    asking.catch(() => {});
    const other = letIn(first);
    gone.abort();
    await expect(asking).rejects.not.toBeInstanceOf(AuthenticationError);
    expect(await other).toBe('let in');
    expect(issuer.fetches).toBe(1);
  });

  it('that nobody answers with hold nobody up for long', async () => {
    const { control } = await start({ jwks: 'http://127.0.0.1:1/jwks' });
    const begin = performance.now();
    const now = Math.floor(Date.UTC(2026, 0, 1) / 1_000);
    await expect(control.authenticate(`Bearer ${await token(first, { now })}`, soon())).rejects.toMatchObject(
      { code: 'UNAVAILABLE' },
    );
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
});

describe('keys in a file', () => {
  it('are read with the policy, and anew when an unknown key comes', async () => {
    const file = join(folder.path, 'jwks.json');
    await writeFile(file, JSON.stringify({ keys: [first.jwk] }));
    const { clock, letIn } = await start({ jwks: file });
    expect(await letIn(first)).toBe('let in');
    await writeFile(file, JSON.stringify({ keys: [second.jwk] }));
    await clock.advance(1_000);
    expect(await letIn(second)).toBe('let in');
    expect(await letIn(first)).toBe('key');
  });

  it('that isn’t there, or holds none, makes the policy a bad one', async () => {
    await expect(start({ jwks: join(folder.path, 'nowhere.json') })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      field: 'tokens[0].jwks',
    });
  });
});
