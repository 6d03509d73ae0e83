import { startRegistry } from '@rollcall-tools/registries';
import { nacosAdapter } from '@rollcall/nacos';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderPolicy } from '../src/index.ts';
import { ACCOUNTS, expectToHold, OPTIONS, POLICY, soon } from './support/native-case.ts';

const password = 'the-right-one';

describe.each(['nacos', 'nacos2'] as const)('%s', (type) => {
  it('holds by its permissions what the policy says', { timeout: 300_000 }, async () => {
    const flags = ['nacos.core.auth.caching.enabled=false'];
    const nacos = await startRegistry(type, { own: true, auth: { rootPassword: password }, flags });
    onTestFinished(() => nacos.stop());
    const [server = ''] = nacos.endpoints;
    const send = async (path: string, form: Readonly<Record<string, string>>, token?: string) => {
      const response = await fetch(`${server}${path}`, {
        method: 'POST',
        headers: { ...(token !== undefined && { accessToken: token }), connection: 'close' },
        body: new URLSearchParams(form),
      });
      const text = await response.text();
      expect(response.status, `${path} ${JSON.stringify(form)} ${text}`).toBe(200);
      return text;
    };
    const login = type === 'nacos' ? '/nacos/v3/auth/user/login' : '/nacos/v1/auth/login';
    const answer = JSON.parse(await send(login, { username: 'nacos', password })) as { accessToken: string };
    for (const step of renderPolicy(POLICY, type, OPTIONS).steps) {
      if (step.kind !== 'request') throw new Error('Nacos takes requests');
      const { passwordOf } = step;
      const form = { ...step.form, ...(passwordOf !== undefined && { password: `of-${passwordOf}` }) };
      await send(step.path, form, answer.accessToken);
    }
    const open = async (username: string, secret: string) => {
      const adapter = nacosAdapter({ servers: [...nacos.endpoints], username, password: secret });
      onTestFinished(() => adapter.close());
      await adapter.open(soon().signal);
      return adapter;
    };
    // It reads its tables of users every 15 seconds.
    const when = async (name: string) =>
      await expect
        .poll(() => open(name, `of-${name}`).catch(() => undefined), { timeout: 60_000, interval: 1_000 })
        .toBeDefined();
    for (const name of ACCOUNTS) await when(name);
    const accounts = new Map(
      await Promise.all(ACCOUNTS.map(async (name) => [name, await open(name, `of-${name}`)] as const)),
    );
    await expectToHold({
      adapterOf: (name) => accounts.get(name) ?? expect.fail(name),
      root: await open('nacos', password),
    });
  });
});
