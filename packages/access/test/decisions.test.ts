import { defineInstance } from '@rollcall/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AccessControl,
  type AccessRequest,
  OPEN_POLICY,
  type PolicyInput,
  type Principal,
  VERBS,
} from '../src/index.ts';

const POLICY: PolicyInput = {
  namespaces: { payments: { mode: 'strict' }, shared: { mode: 'open' } },
  allow: [
    { from: 'orders', to: 'billing/ledger' },
    { from: 'web', to: 'catalog', metadata: { exposed: 'true' } },
  ],
  roles: {
    viewer: [{ verbs: ['list', 'watch'], namespaces: ['*'] }],
    operator: [
      {
        verbs: ['list', 'watch', 'override', 'deregister'],
        namespaces: ['payments'],
        services: ['ledger', 'bank-*'],
      },
    ],
    service: [{ verbs: ['register', 'list', 'watch'], namespaces: ['{namespace}'] }],
    self: [{ verbs: ['register'], namespaces: ['{namespace}'], services: ['{service}'] }],
    admin: [{ verbs: ['*'], namespaces: ['*'] }],
  },
  subjects: [
    { subject: 'alice', roles: ['viewer', 'operator'] },
    { subject: 'ops/*', roles: ['admin'] },
  ],
};

async function open(policy: PolicyInput = POLICY): Promise<AccessControl> {
  return await AccessControl.open({ policy });
}

function someone(roles: string[], home?: Principal['home'], subject = 'someone'): Principal {
  return { subject, kind: home?.service === undefined ? 'user' : 'service', roles, ...(home && { home }) };
}

const control = await open();
const ask = (who: Principal, request: AccessRequest) => control.check(who, request);

describe('a decision', () => {
  it('is no, where nothing permits it', () => {
    expect(ask(someone([]), { verb: 'list', namespace: 'payments', service: 'ledger' })).toEqual({
      allowed: false,
      why: 'no role of someone permits list on payments/ledger',
    });
    for (const role of ['viewr', '__proto__', 'constructor', 'toString'])
      expect(ask(someone([role]), { verb: 'list', namespace: 'payments' }).allowed).toBe(false);
  });

  it('names the rule that permits it', () => {
    const alice = control.principalOf('alice');
    expect(alice.roles).toEqual(['viewer', 'operator']);
    expect(ask(alice, { verb: 'override', namespace: 'payments', service: 'bank-1' })).toEqual({
      allowed: true,
      why: 'roles.operator[0] permits it',
    });
    expect(ask(alice, { verb: 'override', namespace: 'payments', service: 'bank' }).allowed).toBe(false);
    expect(ask(alice, { verb: 'override', namespace: 'orders', service: 'ledger' }).allowed).toBe(false);
    expect(ask(alice, { verb: 'register', namespace: 'payments', service: 'ledger' }).allowed).toBe(false);
  });

  it('gives a subject the roles whose pattern it fits', () => {
    expect(control.principalOf('ops/bob').roles).toEqual(['admin']);
    expect(control.principalOf('xops/bob').roles).toEqual([]);
  });

  it('without a service is about all of them, but for looks, which are about any', () => {
    const operator = someone(['operator']);
    expect(ask(operator, { verb: 'list', namespace: 'payments' }).allowed).toBe(true);
    expect(ask(operator, { verb: 'override', namespace: 'payments' }).allowed).toBe(false);
    expect(ask(someone(['admin']), { verb: 'override', namespace: 'payments' }).allowed).toBe(true);
  });

  it('is no once the credentials have expired', () => {
    const late = { ...someone(['admin']), expiresAt: Date.now() - 1 };
    expect(ask(late, { verb: 'list', namespace: 'a' })).toMatchObject({
      allowed: false,
      why: expect.stringContaining('expired') as string,
    });
  });

  it('is yes for everybody by the open policy', async () => {
    const all = await open(OPEN_POLICY);
    const nobody = await all.authenticate(undefined, AbortSignal.timeout(1_000));
    for (const verb of ['list', 'register', 'override', 'admin'] as const)
      expect(all.check(nobody, { verb, namespace: 'any', service: 'thing' }).allowed).toBe(true);
  });
});

describe('a home', () => {
  const ledger = someone(['service'], { namespace: 'orders', service: 'ledger' });

  it('is where `{namespace}` leads, and nowhere else', () => {
    expect(ask(ledger, { verb: 'register', namespace: 'orders', service: 'x' }).allowed).toBe(true);
    expect(ask(ledger, { verb: 'register', namespace: 'payments', service: 'x' }).allowed).toBe(false);
    expect(ask(someone(['service']), { verb: 'register', namespace: 'orders', service: 'x' }).allowed).toBe(
      false,
    );
    const self = someone(['self'], { namespace: 'orders', service: 'ledger' });
    expect(ask(self, { verb: 'register', namespace: 'orders', service: 'ledger' }).allowed).toBe(true);
    expect(ask(self, { verb: 'register', namespace: 'orders', service: 'other' }).allowed).toBe(false);
    const homeless = someone(['self'], { namespace: 'orders' });
    expect(ask(homeless, { verb: 'register', namespace: 'orders', service: 'undefined' }).allowed).toBe(
      false,
    );
  });

  it('that looks like a pattern is no pattern', () => {
    for (const namespace of ['*', '{namespace}', 'or*', '.*']) {
      const evil = someone(['service'], { namespace });
      expect(ask(evil, { verb: 'register', namespace: 'orders', service: 'x' }).allowed).toBe(false);
      expect(ask(evil, { verb: 'register', namespace, service: 'x' }).allowed).toBe(true);
    }
  });

  const elsewhere = (
    namespace: string,
    home: string,
    service = 'ledger',
    verb: AccessRequest['verb'] = 'list',
  ) => ask(someone(['admin'], { namespace: home, service: 'x' }), { verb, namespace, service });

  it('lets nobody over who isn’t allowed, whatever the role', () => {
    expect(elsewhere('payments', 'orders')).toMatchObject({ allowed: false });
    expect(elsewhere('payments', 'orders').why).toContain('strict');
    expect(elsewhere('billing', 'web')).toMatchObject({ allowed: false });
    expect(elsewhere('billing', 'orders', 'other')).toMatchObject({ allowed: false });
    expect(elsewhere('billing', 'orders')).toMatchObject({ allowed: true });
    expect(elsewhere('shared', 'orders', 'anything')).toMatchObject({ allowed: true });
    // And crossing without a role is nothing.
    const guest = someone([], { namespace: 'orders' });
    expect(ask(guest, { verb: 'list', namespace: 'billing', service: 'ledger' }).allowed).toBe(false);
  });

  it('shows only some instances where the crossing says so, and lets nobody change them', () => {
    const { allowed, only } = elsewhere('catalog', 'web');
    const instance = { service: 'ledger', host: 'h', port: 1 };
    expect(allowed).toBe(true);
    expect(only?.(defineInstance({ ...instance, metadata: { exposed: 'true' } }))).toBe(true);
    expect(only?.(defineInstance(instance))).toBe(false);
    expect(elsewhere('catalog', 'web', 'ledger', 'override')).toMatchObject({ allowed: false });
  });

  it('looks at the list of services where any of them may be', () => {
    const web = someone(['viewer'], { namespace: 'orders' });
    expect(ask(web, { verb: 'list', namespace: 'billing' }).allowed).toBe(true);
    expect(ask(web, { verb: 'list', namespace: 'payments' }).allowed).toBe(false);
    expect(ask(web, { verb: 'list', namespace: 'catalog' }).allowed).toBe(false);
  });
});

describe('an instance', () => {
  const home = { namespace: 'orders' };
  const target = { namespace: 'orders', service: 'ledger', id: '1' };
  const owner = someone(['service'], home, 'a');
  const other = someone(['service'], home, 'b');
  const operator = someone(['service', 'admin'], home, 'c');

  it('is changed by who registered it', () => {
    for (const verb of ['register', 'deregister'] as const)
      expect(ask(owner, { verb, ...target, owner: 'a' }).allowed).toBe(true);
    expect(ask(owner, { verb: 'register', ...target }).allowed).toBe(true);
  });

  it('is not changed by another, also when nobody knows whose it is', () => {
    for (const verb of ['register', 'deregister'] as const)
      for (const whose of ['a', null])
        expect(ask(other, { verb, ...target, owner: whose }).allowed).toBe(false);
    expect(ask(other, { verb: 'override', ...target, owner: 'b' }).allowed).toBe(false);
    expect(ask(other, { verb: 'register', ...target, owner: 'a' }).why).toContain(
      'orders/ledger/1 belongs to somebody else',
    );
  });

  it('is changed by a role that may', () => {
    for (const verb of ['register', 'deregister', 'override'] as const)
      expect(ask(operator, { verb, ...target, owner: 'a' }).allowed).toBe(true);
  });
});

describe('whatever the policy', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'payments', 'orders', '*', '{namespace}', 'a*', '__proto__');
  const verb = fc.constantFrom(...VERBS);

  it('nobody without a role is let do anything, and strict namespaces are left to those at home', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ verb, namespace: name, service: fc.option(name, { nil: undefined }) }),
        name,
        fc.constantFrom('strict', 'limited', 'open'),
        async ({ service, ...rest }, home, mode) => {
          const request = { ...rest, ...(service !== undefined && { service }) };
          const policy = await open({
            namespaces: { payments: { mode } },
            roles: { all: [{ verbs: ['*'], namespaces: ['*'] }] },
          });
          expect(policy.check(someone([], { namespace: home }), request).allowed).toBe(false);
          const { allowed } = policy.check(someone(['all'], { namespace: home }), request);
          const isHome = home === request.namespace;
          expect(allowed).toBe(isHome || (request.namespace === 'payments' && mode === 'open'));
          expect(policy.check(someone(['all']), request).allowed).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});
