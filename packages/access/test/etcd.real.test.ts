import { startRegistry } from '@rollcall-tools/registries';
import { etcdAdapter } from '@rollcall/etcd';
import { expect, it, onTestFinished } from 'vitest';
import { renderPolicy } from '../src/index.ts';
import { ACCOUNTS, expectToHold, OPTIONS, POLICY, soon } from './support/native-case.ts';

it('etcd’s roles hold what the policy says', async () => {
  const etcd = await startRegistry('etcd', { own: true, auth: { rootPassword: 'the-right-one' } });
  onTestFinished(() => etcd.stop());
  const { steps } = renderPolicy(POLICY, 'etcd', OPTIONS);
  for (const step of steps) {
    if (step.kind !== 'command') throw new Error('etcd takes commands');
    const [program, ...args] = step.command;
    expect(program).toBe('etcdctl');
    if (step.asksPasswordOf === undefined) await etcd.etcdctl(args);
    else await etcd.etcdctl([...args, '--interactive=false'], { input: `of-${step.asksPasswordOf}\n` });
  }
  const open = async (username: string, password: string) => {
    const adapter = etcdAdapter({ endpoints: [...etcd.endpoints], username, password });
    onTestFinished(() => adapter.close());
    await adapter.open(soon().signal);
    return adapter;
  };
  const accounts = new Map(
    await Promise.all(ACCOUNTS.map(async (name) => [name, await open(name, `of-${name}`)] as const)),
  );
  const adapterOf = (name: (typeof ACCOUNTS)[number]) => accounts.get(name) ?? expect.fail(name);
  await expectToHold({ adapterOf, root: await open('root', 'the-right-one') });
  // The list of services is there at home, and not next door.
  expect(await adapterOf('team').listServices('Team A/x', soon())).toEqual(['job 1']);
  await expect(adapterOf('team').listServices('orders', soon())).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
});
