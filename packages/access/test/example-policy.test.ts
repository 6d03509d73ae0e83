import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { AccessControl } from '../src/index.ts';

it('the example policy loads, and means what the page says', async () => {
  const control = await AccessControl.open({
    file: fileURLToPath(new URL('../example-policy.yaml', import.meta.url)),
  });
  expect(control.namespaces()).toEqual(['billing', 'catalog', 'orders', 'payments', 'shared', 'web']);
  const alice = control.principalOf('alice');
  expect(control.check(alice, { verb: 'override', namespace: 'payments', service: 'x' }).allowed).toBe(true);
  const workload = control.principalOf('workload:orders', { namespace: 'orders', service: 'orders' });
  const may = (verb: 'list' | 'register', namespace: string, service: string) =>
    control.check(workload, { verb, namespace, service }).allowed;
  expect(may('register', 'orders', 'orders')).toBe(true);
  expect(may('register', 'billing', 'ledger')).toBe(false);
  expect(may('list', 'billing', 'ledger')).toBe(true);
  expect(may('list', 'billing', 'other')).toBe(false);
  expect(may('list', 'payments', 'ledger')).toBe(false);
  await control.close();
});
