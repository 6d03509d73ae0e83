import { ManualClock } from '@rollcall/core/testing';
import { describe, expect, it } from 'vitest';
import { AccessControl, createApiKey } from '../src/index.ts';

const soon = () => AbortSignal.timeout(1_000);
const { key, hash } = createApiKey('ci');

async function start(more: { readonly expires?: string } = {}) {
  const clock = new ManualClock(Date.UTC(2027, 0, 1));
  const control = await AccessControl.open({
    clock,
    policy: {
      roles: { service: [{ verbs: ['register'], namespaces: ['{namespace}'] }] },
      keys: [{ id: 'ci', hash, subject: 'builds', roles: ['service'], namespace: 'orders', ...more }],
    },
  });
  return { clock, control };
}

describe('an API key', () => {
  it('has 256 random bits, and stands in the policy as their hash', () => {
    expect(key).toMatch(/^rck_ci_[\w-]{43}$/);
    expect(hash).toMatch(/^sha256:[\da-f]{64}$/);
    expect(createApiKey('ci').key).not.toBe(key);
    expect(hash).not.toContain(key.slice(7));
  });

  it('lets in who has it, with the home and the roles of its entry', async () => {
    const { control } = await start();
    const principal = await control.authenticate(`Bearer ${key}`, soon());
    expect(principal).toEqual({
      subject: 'builds',
      kind: 'key',
      roles: ['service'],
      home: { namespace: 'orders' },
    });
    expect(control.check(principal, { verb: 'register', namespace: 'orders', service: 'x' }).allowed).toBe(
      true,
    );
    expect(await control.authenticate(`Bearer ${key}`, soon())).toBe(principal);
  });

  it.each([
    ['another secret', createApiKey('ci').key],
    ['another id', key.replace('_ci_', '_cd_')],
    ['the name of what every object has', key.replace('_ci_', '_constructor_')],
    ['no secret', 'rck_ci_'],
    ['the hash', `rck_ci_${hash.slice(7, 50)}`],
    ['a letter more', `${key}a`],
    ['a letter less', key.slice(0, -1)],
  ])('with %s is refused', async (_what, wrong) => {
    const { control } = await start();
    const error: unknown = await control
      .authenticate(`Bearer ${wrong}`, soon())
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ reason: 'api-key', code: 'UNAUTHENTICATED' });
    expect((error as Error).message).not.toContain(wrong);
  });

  it('is refused from its end on, and what it let in is over too', async () => {
    const { control, clock } = await start({ expires: '2027-01-01T01:00:00Z' });
    const principal = await control.authenticate(`Bearer ${key}`, soon());
    expect(principal.expiresAt).toBe(Date.UTC(2027, 0, 1, 1));
    await clock.advance(3_600_000);
    await expect(control.authenticate(`Bearer ${key}`, soon())).rejects.toMatchObject({ reason: 'expired' });
    expect(control.check(principal, { verb: 'register', namespace: 'orders', service: 'x' }).allowed).toBe(
      false,
    );
  });
});
