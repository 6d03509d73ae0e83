import { startRegistry, ZooKeeperOperator } from '@rollcall-tools/registries';
import { zookeeperAdapter } from '@rollcall/zookeeper';
import { expect, it, onTestFinished } from 'vitest';
import { renderPolicy } from '../src/index.ts';
import { ACCOUNTS, expectToHold, OPTIONS, POLICY, soon } from './support/native-case.ts';

it('ZooKeeper’s access lists hold what the policy says', async () => {
  const zookeeper = await startRegistry('zookeeper', { own: true });
  onTestFinished(() => zookeeper.stop());
  const operator = await ZooKeeperOperator.connect(zookeeper.endpoints.join(','), {
    users: ['root:the-right-one'],
  });
  onTestFinished(() => operator.close());
  const passwords = Object.fromEntries(ACCOUNTS.map((name) => [name, `of-${name}`]));
  // Each service that there is must have its node first.
  const known = [...(OPTIONS.known ?? []), 'billing/invoices', 'catalog/cart'];
  const { steps } = renderPolicy(POLICY, 'zookeeper', { ...OPTIONS, known, passwords });
  expect(JSON.stringify(steps)).not.toContain('of-cart');
  for (const step of steps) {
    const [word, path = '', list = ''] = step.kind === 'command' ? step.command : [];
    if (word === 'create') await operator.write(path, '');
    else await operator.setAcl(path, list);
  }
  const open = async (username: string, password: string) => {
    const adapter = zookeeperAdapter({
      hosts: [...zookeeper.endpoints],
      username,
      password,
      worldReadable: true,
    });
    onTestFinished(() => adapter.close());
    await adapter.open(soon().signal);
    return adapter;
  };
  const accounts = new Map(
    await Promise.all(ACCOUNTS.map(async (name) => [name, await open(name, `of-${name}`)] as const)),
  );
  await expectToHold({
    adapterOf: (name) => accounts.get(name) ?? expect.fail(name),
    root: await open('root', 'the-right-one'),
  });
});
