import { ManualClock } from '@rollcall/core/testing';
import { describe, expect, it } from 'vitest';
import { AccessControl, createApiKey, type DecisionRecord } from '../src/index.ts';
import { forged } from './support/issuer.ts';

const soon = () => AbortSignal.timeout(1_000);

async function start(decisionsPerSecond?: number) {
  const records: DecisionRecord[] = [];
  const clock = new ManualClock();
  const { key, hash } = createApiKey('ci');
  const control = await AccessControl.open({
    clock,
    policy: {
      roles: { viewer: [{ verbs: ['list'], namespaces: ['a'] }] },
      keys: [{ id: 'ci', hash, subject: 'builds', roles: ['viewer'] }],
    },
    onDecision: (record) => records.push(record),
    ...(decisionsPerSecond !== undefined && { decisionsPerSecond }),
  });
  return { control, clock, records, key, principal: await control.authenticate(`Bearer ${key}`, soon()) };
}

describe('the log of decisions', () => {
  it('says who, what, allowed or not, and why', async () => {
    const { control, clock, records, principal } = await start();
    control.decide(principal, { verb: 'list', namespace: 'a', service: 's' });
    control.decide(principal, { verb: 'override', namespace: 'b', service: 's', id: '1' });
    const base = { event: 'decision', at: clock.wallNow(), subject: 'builds', kind: 'key', service: 's' };
    expect(records).toEqual([
      { ...base, verb: 'list', namespace: 'a', allowed: true, why: 'roles.viewer[0] permits it' },
      {
        ...base,
        verb: 'override',
        namespace: 'b',
        id: '1',
        allowed: false,
        why: 'no role of builds permits override on b/s/1',
      },
    ]);
    control.check(principal, { verb: 'list', namespace: 'a' });
    expect(records).toHaveLength(2);
  });

  it('says who wasn’t let in, without the credentials', async () => {
    const { control, records, key } = await start();
    const tokens = [`${key}x`, forged({ alg: 'none', typ: 'JWT' }, { sub: 'secret-subject' }), 'Basic'];
    for (const credentials of tokens)
      await control.authenticate(`Bearer ${credentials}`, soon()).catch(() => {});
    expect(records.map((record) => record.event === 'authentication' && record.reason)).toEqual([
      'api-key',
      'issuer',
      'malformed',
    ]);
    const text = JSON.stringify(records);
    for (const secret of [key.slice(7), 'secret-subject', ...(tokens[1] ?? '').split('.')])
      expect(text).not.toContain(secret);
  });

  it('is bounded, tells how much it left out, and a flood of one outcome hides none of the other', async () => {
    const { control, clock, records, principal } = await start(10);
    for (let i = 0; i < 1_000; i++) control.decide(principal, { verb: 'list', namespace: 'a' });
    expect(records).toHaveLength(10);
    control.decide(principal, { verb: 'list', namespace: 'b' });
    expect(records.at(-1)).toMatchObject({ allowed: false });
    await clock.advance(1_000);
    control.decide(principal, { verb: 'list', namespace: 'a' });
    expect(records.at(-1)).toMatchObject({ allowed: true, leftOut: 990 });
    await clock.advance(3_600_000);
    for (let i = 0; i < 1_000; i++) control.decide(principal, { verb: 'list', namespace: 'a' });
    expect(records.length).toBeLessThanOrEqual(31);
  });
});
