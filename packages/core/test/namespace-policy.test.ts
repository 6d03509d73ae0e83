import { describe, expect, it } from 'vitest';
import { defineInstance, NamespacePolicy, type NamespaceRules } from '@rollcall/core';

const LEDGER = { namespace: 'payments', service: 'ledger' };

function decide(
  rules: NamespaceRules,
  from = 'orders',
  to: { namespace: string; service?: string } = LEDGER,
) {
  const [namespace = '', service] = from.split('/');
  return new NamespacePolicy(rules).decide({ namespace, service }, to);
}

describe('without a rule', () => {
  it('everything within a namespace may be looked up', () => {
    expect(decide({}, 'payments')).toEqual({ allowed: true, why: 'the same namespace' });
    expect(decide({ namespaces: { payments: { mode: 'strict' } } }, 'payments').allowed).toBe(true);
  });

  it('nothing of another namespace may, and the reason has the rule that would allow it', () => {
    const crossing = decide({}, 'orders/checkout');
    expect(crossing.allowed).toBe(false);
    expect(crossing.why).toContain('{ from: orders/checkout, to: payments/ledger }');
    expect(
      decide({ allow: [{ from: 'orders/checkout', to: 'payments/ledger' }] }, 'orders/checkout').allowed,
    ).toBe(true);
  });
});

describe('the allow list', () => {
  it.each([
    ['a namespace to a namespace', 'orders', 'payments', true],
    ['a namespace to a service', 'orders', 'payments/ledger', true],
    ['a service to a service', 'orders/checkout', 'payments/ledger', true],
    ['any to a service', '*', 'payments/ledger', true],
    ['any service of a name', '*/checkout', 'payments/ledger', true],
    ['a namespace to any', 'orders', '*', true],
    ['another service', 'orders', 'payments/fraud', false],
    ['from another service', 'orders/returns', 'payments/ledger', false],
    ['from another namespace', 'web', 'payments', false],
    ['the other way round', 'payments', 'orders', false],
    ['a name that begins the same', 'order', 'payments', false],
    ['a name that goes on', 'orders', 'payments/ledger-2', false],
  ])('%s: %s → %s', (_name, from, to, allowed) => {
    expect(decide({ allow: [{ from, to }] }, 'orders/checkout').allowed).toBe(allowed);
  });

  it('names the rule that allows', () => {
    const rules = {
      allow: [
        { from: 'web', to: 'shop' },
        { from: 'orders', to: 'payments' },
      ],
    };
    expect(decide(rules).why).toBe('allow[1] (orders → payments)');
  });

  it('asks for the service of the one who looks, where a rule names it', () => {
    expect(decide({ allow: [{ from: 'orders/checkout', to: 'payments' }] }, 'orders').allowed).toBe(false);
  });

  it('takes names with a slash, a star or a percent sign in their encoded form only', () => {
    const rules = { allow: [{ from: 'a%2Fb', to: '%2A/100%25' }] };
    const policy = new NamespacePolicy(rules);
    expect(policy.decide({ namespace: 'a/b' }, { namespace: '*', service: '100%' }).allowed).toBe(true);
    expect(policy.decide({ namespace: 'a/b' }, { namespace: 'c', service: '100%' }).allowed).toBe(false);
  });
});

describe('metadata', () => {
  const rules: NamespaceRules = {
    allow: [
      { from: 'orders', to: 'payments', metadata: { exposed: 'true', tier: '1' } },
      { from: 'orders', to: 'payments/ledger', metadata: { open: 'yes' } },
    ],
  };
  const instance = (metadata: Record<string, string>) =>
    defineInstance({ ...LEDGER, host: '10.0.0.7', port: 1, metadata });

  it.each([
    [{ exposed: 'true', tier: '1' }, true],
    [{ exposed: 'true', tier: '1', more: 'x' }, true],
    [{ exposed: 'true' }, false],
    [{ exposed: 'TRUE', tier: '1' }, false],
    [{ open: 'yes' }, true],
    [{}, false],
  ])('%j is seen: %s', (metadata, seen) => {
    const crossing = decide(rules);
    expect(crossing.allowed && crossing.only?.(instance(metadata))).toBe(seen);
  });

  it('is not asked for where another rule allows all', () => {
    const crossing = decide({ allow: [...(rules.allow ?? []), { from: 'orders', to: 'payments' }] });
    expect(crossing).toEqual({ allowed: true, why: 'allow[2] (orders → payments)' });
  });

  it('that is inherited counts for nothing', () => {
    const crossing = decide({ allow: [{ from: 'orders', to: 'payments', metadata: { constructor: 'x' } }] });
    expect(crossing.allowed && crossing.only?.(instance({}))).toBe(false);
  });
});

describe('a namespace', () => {
  const allow = [{ from: '*', to: '*' }];

  it('that is strict lets nobody look in, whatever the allow list says', () => {
    const crossing = decide({ namespaces: { payments: { mode: 'strict' } }, allow });
    expect(crossing.allowed).toBe(false);
    expect(crossing.why).toContain('strict');
  });

  it('that is open lets everybody look in', () => {
    expect(decide({ namespaces: { payments: { mode: 'open' } } }).allowed).toBe(true);
  });

  it('that is limited, as all are that say nothing, goes by the allow list', () => {
    expect(decide({ namespaces: { payments: { mode: 'limited' } } }).allowed).toBe(false);
    expect(decide({ namespaces: { payments: {} }, allow }).allowed).toBe(true);
    expect(new NamespacePolicy().mode('payments')).toBe('limited');
  });

  it('may have any name', () => {
    expect(new NamespacePolicy().mode('constructor')).toBe('limited');
    expect(new NamespacePolicy().mode('__proto__')).toBe('limited');
  });

  it('without a service: whether there may be one that can be looked up', () => {
    const some = { allow: [{ from: 'orders', to: 'payments/ledger' }] };
    expect(decide(some, 'orders', { namespace: 'payments' }).allowed).toBe(true);
    expect(decide(some, 'orders', { namespace: 'fraud' }).allowed).toBe(false);
  });
});

describe('rules that are wrong', () => {
  it.each([
    ['allow.0.from', { allow: [{ from: 'a/b/c', to: 'x' }] }],
    ['allow.0.to', { allow: [{ from: 'a', to: '' }] }],
    ['allow.0.to', { allow: [{ from: 'a', to: 'x/' }] }],
    [
      'allow.1.to',
      {
        allow: [
          { from: 'a', to: 'x' },
          { from: 'a', to: '100%' },
        ],
      },
    ],
    ['namespaces.a.mode', { namespaces: { a: { mode: 'closed' } } }],
  ])('%s is named', (field, rules) => {
    expect(() => new NamespacePolicy(rules as NamespaceRules)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', field }),
    );
  });

  it('names those that its rules are about', () => {
    const policy = new NamespacePolicy({
      namespaces: { shared: { mode: 'open' } },
      allow: [
        { from: 'orders', to: 'payments/ledger' },
        { from: '*', to: 'shared' },
      ],
    });
    expect(policy.namespaces.toSorted()).toEqual(['orders', 'payments', 'shared']);
  });
});
