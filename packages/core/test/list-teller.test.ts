import { defineInstance, type InstanceSpec, ListTeller } from '@rollcall/core';
import { describe, expect, it } from 'vitest';

function instance(id: string, more: Partial<InstanceSpec> = {}) {
  return defineInstance({ service: 'user-service', id, host: '10.0.0.7', port: 8080, ...more });
}

const [a, b, c] = [instance('a'), instance('b'), instance('c')];
const listOf = (...instances: (typeof a)[]) => ({ instances, skipped: [] });
const bad = { key: '/x', reason: 'is not JSON' };

/** One that was told this already. */
function tellerOf(...instances: (typeof a)[]): ListTeller {
  const teller = new ListTeller();
  teller.next(listOf(...instances));
  return teller;
}

describe('lists are told as what they change', () => {
  it('the first one whole', () => {
    expect(new ListTeller().next({ ...listOf(a, b), revision: '7' })).toEqual({
      kind: 'list',
      ...listOf(a, b),
      revision: '7',
    });
    expect(new ListTeller().next(listOf())).toEqual({ kind: 'list', ...listOf() });
  });

  it('one that says the same not at all, though it is read anew and in another order', () => {
    expect(tellerOf(a, b).next(listOf(instance('b'), a))).toBeUndefined();
  });

  it('what came, changed and left, as a delta', () => {
    const changed = instance('a', { weight: 7 });
    expect(tellerOf(a, b).next({ ...listOf(changed, c), revision: '8' })).toEqual({
      kind: 'delta',
      put: [changed, c],
      removed: ['b'],
      skipped: [],
      revision: '8',
    });
  });

  it('the departure of several at once by the whole list, so that it can be doubted', () => {
    expect(tellerOf(a, b, c).next(listOf(c))).toEqual({ kind: 'list', ...listOf(c) });
    expect(tellerOf(a, b).next(listOf())).toEqual({ kind: 'list', ...listOf() });
  });

  it('or as removals, where the lists were doubted before', () => {
    const teller = new ListTeller({ isTrusted: true });
    teller.next(listOf(a, b, c));
    expect(teller.next(listOf(c))).toMatchObject({ kind: 'delta', removed: ['a', 'b'] });
  });

  it('whole, where that is asked for', () => {
    expect(tellerOf(a).next(listOf(a), { isWhole: true })).toEqual({ kind: 'list', ...listOf(a) });
  });

  it('with what can not be read, once', () => {
    const teller = tellerOf(a);
    expect(teller.next({ ...listOf(a), skipped: [bad] })).toMatchObject({
      put: [],
      removed: [],
      skipped: [bad],
    });
    expect(teller.next({ ...listOf(a), skipped: [bad] })).toBeUndefined();
    const worse = { ...bad, reason: 'is empty' };
    expect(teller.next({ ...listOf(a), skipped: [worse] })).toMatchObject({ skipped: [worse] });
  });
});
