import { startRegistry } from '@rollcall-tools/registries';
import { consulAdapter } from '@rollcall/consul';
import { expect, it, onTestFinished } from 'vitest';
import { renderPolicy } from '../src/index.ts';
import { ACCOUNTS, expectToHold, OPTIONS, POLICY, soon } from './support/native-case.ts';

const rootPassword = '6e4b6c0e-5d35-4f0e-8f0b-0a52a3c9f6f1';

it('Consul’s ACLs hold what the policy says', async () => {
  const consul = await startRegistry('consul', { own: true, auth: { rootPassword } });
  onTestFinished(() => consul.stop());
  const addresses = [...consul.endpoints];
  const tokens = new Map<string, string>();
  for (const step of renderPolicy(POLICY, 'consul', OPTIONS).steps) {
    if (step.kind !== 'request') throw new Error('Consul takes requests');
    const response = await fetch(`${addresses[0]}${step.path}`, {
      method: step.method,
      headers: { 'X-Consul-Token': rootPassword, connection: 'close' },
      body: JSON.stringify(step.json),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const { SecretID, Description } = JSON.parse(text) as { SecretID?: string; Description: string };
    if (SecretID !== undefined) tokens.set(Description.replace('Rollcall: ', ''), SecretID);
  }
  const open = async (token: string) => {
    const adapter = consulAdapter({ addresses, token });
    onTestFinished(() => adapter.close());
    await adapter.open(soon().signal);
    return adapter;
  };
  const accounts = new Map(
    await Promise.all(ACCOUNTS.map(async (name) => [name, await open(tokens.get(name) ?? '')] as const)),
  );
  await expectToHold({
    adapterOf: (name) => accounts.get(name) ?? expect.fail(name),
    root: await open(rootPassword),
  });
});
