import { type RunningGateway, startRegistry } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';

import { httpLook } from '../src/http-look.ts';

async function start(options: Parameters<typeof startRegistry>[1]): Promise<RunningGateway> {
  const gateway = await startRegistry('gateway', options);
  onTestFinished(() => gateway.stop());
  return gateway;
}

async function statusOf(gateway: RunningGateway, token?: string): Promise<number> {
  const answer = await fetch(`${gateway.endpoints[0]}/v1/me`, {
    headers: { connection: 'close', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  });
  return answer.status;
}

// Each start takes seconds, and on a busy machine some more.
describe('a gateway', { timeout: 120_000 }, () => {
  it('lets in who has the key, until it is frozen or killed', async () => {
    const gateway = await start({ auth: { rootPassword: 'unused' } });
    const [node] = gateway.nodes;
    expect(await statusOf(gateway)).toBe(401);
    expect(await statusOf(gateway, gateway.auth?.password)).toBe(200);
    const live = `${gateway.endpoints[0]}/livez`;
    node?.freeze();
    expect(await httpLook(live)).toBeUndefined();
    node?.thaw();
    await expect.poll(() => httpLook(live)).toBeDefined();
    await node?.kill();
    expect(await httpLook(live)).toBeUndefined();
    await node?.restart();
    expect(await statusOf(gateway, gateway.auth?.password)).toBe(200);
  });

  it('with mutual TLS takes only connections that show a certificate', async () => {
    const gateway = await start({ tls: 'mutual' });
    const url = `${gateway.endpoints[0]}/livez`;
    expect(url).toMatch(/^https:/);
    const { caFile = '' } = gateway.tls ?? {};
    expect(await httpLook(url, { caFile })).toBeUndefined();
    expect(await httpLook(url, gateway.tls)).toBeDefined();
  });

  it('of three needs a registry behind', async () => {
    await expect(startRegistry('gateway', { nodes: 3 })).rejects.toThrow('give `behind`');
  });
});
