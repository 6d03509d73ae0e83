import { availability, type RunningConsul, startRegistry } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';

import { httpLook } from '../src/http-look.ts';

const here = availability('consul', { own: true });

async function start(options: Parameters<typeof startRegistry>[1]): Promise<RunningConsul> {
  const consul = await startRegistry('consul', options);
  onTestFinished(() => consul.stop());
  return consul;
}

/** Keys live in Consul's data, services of an agent in the agent's. */
async function put(endpoint: string, path: string, body: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { 'X-Consul-Token': token };
  return (await fetch(`${endpoint}/v1/${path}`, { method: 'PUT', body, headers })).status;
}

describe.skipIf(!here.available)(
  `Consul${here.available ? '' : ` (${here.reason})`}`,
  { timeout: 60_000 },
  () => {
    it('serves, comes back with its data or without, and is gone when it is stopped', async () => {
      const consul = await start({ own: true });
      const [endpoint = ''] = consul.endpoints;
      expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await put(endpoint, 'kv/a', 'kept')).toBe(200);
      await consul.nodes[0]?.kill();
      expect(await httpLook(`${endpoint}/v1/kv/a?raw`)).toBeUndefined();
      await consul.nodes[0]?.restart();
      expect(await httpLook(`${endpoint}/v1/kv/a?raw`)).toBe('kept');
      await consul.restart({ wipe: true });
      expect(await httpLook(`${endpoint}/v1/kv/a?raw`)).toBeUndefined();
      expect(await httpLook(`${endpoint}/v1/catalog/services`)).toContain('consul');
      await consul.stop();
      expect(await httpLook(`${endpoint}/v1/status/leader`)).toBeUndefined();
    });

    it('answers nothing while it is frozen', async () => {
      const consul = await start({ own: true });
      const [endpoint = ''] = consul.endpoints;
      consul.nodes[0]?.freeze();
      expect(await httpLook(`${endpoint}/v1/status/leader`)).toBeUndefined();
      consul.nodes[0]?.thaw();
      expect(await httpLook(`${endpoint}/v1/status/leader`)).toContain('127.0.0.1');
    });

    it('of three has one that leads, and another when that one is killed', async () => {
      const consul = await start({ nodes: 3 });
      const leader = await consul.leader();
      await leader.kill();
      await expect
        .poll(async () => (await consul.leader().catch(() => leader)).name, { timeout: 20_000 })
        .not.toBe(leader.name);
      await leader.restart({ wipe: true });
      expect(await put(leader.endpoint, 'kv/a', 'through a follower')).toBe(200);
    });

    it('denies what has no token, when access lists are asked for', async () => {
      const rootPassword = 'b1b1a1c6-8d6e-4a3e-9a39-0c5a7f2f0c11';
      const consul = await start({ auth: { rootPassword } });
      const [endpoint = ''] = consul.endpoints;
      expect(await put(endpoint, 'kv/a', 'x')).toBe(403);
      expect(await put(endpoint, 'kv/a', 'x', consul.auth?.password)).toBe(200);
      await consul.restart({ wipe: true });
      expect(await put(endpoint, 'kv/a', 'x', rootPassword)).toBe(200);
    });

    it('speaks TLS, and wants a certificate when that is asked for', async () => {
      const consul = await start({ tls: 'mutual' });
      const [endpoint = ''] = consul.endpoints;
      const { caFile = '' } = consul.tls ?? {};
      expect(endpoint).toMatch(/^https:/);
      expect(await httpLook(`${endpoint}/v1/status/leader`, consul.tls)).toContain('127.0.0.1');
      expect(await httpLook(`${endpoint}/v1/status/leader`, { caFile })).toBeUndefined();
    });
  },
);
