import { availability, type RunningEureka, startRegistry } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';

import { httpLook } from '../src/http-look.ts';

const here = availability('eureka', { own: true });

async function start(options: Parameters<typeof startRegistry>[1]): Promise<RunningEureka> {
  const eureka = await startRegistry('eureka', options);
  onTestFinished(() => eureka.stop());
  return eureka;
}

async function lists(endpoint: string | undefined, app: string): Promise<boolean> {
  return (await httpLook(`${endpoint}/apps/${app}/one`)) !== undefined;
}

async function register(endpoint: string | undefined, app: string): Promise<void> {
  const instance = {
    instanceId: 'one',
    app,
    hostName: '10.0.0.9',
    ipAddr: '10.0.0.9',
    status: 'UP',
    // It gets no beats.
    leaseInfo: { durationInSecs: 600 },
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
      name: 'MyOwn',
    },
  };
  const answer = await fetch(`${endpoint}/apps/${app}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ instance }),
  });
  expect(answer.status).toBe(204);
}

async function beat(endpoint: string | undefined, app: string): Promise<void> {
  const answer = await fetch(`${endpoint}/apps/${app}/one`, {
    method: 'PUT',
    headers: { connection: 'close' },
  });
  expect(answer.status).toBe(200);
}

// Each start takes seconds, and on a busy machine some more.
describe.skipIf(!here.available)(
  `Eureka${here.available ? '' : ` (${here.reason})`}`,
  { timeout: 180_000 },
  () => {
    it('serves at http://host:port/eureka as its flags say, until it is frozen or killed, and is empty after that', async () => {
      const eureka = await start({ flags: ['eureka.server.disable-delta=true'] });
      const [endpoint = ''] = eureka.endpoints;
      const [node] = eureka.nodes;
      expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/eureka$/);
      const apps = `${endpoint}/apps`;
      expect(await httpLook(`${apps}/delta`)).toBeUndefined();
      await register(endpoint, 'USERS');
      expect(await lists(endpoint, 'USERS')).toBe(true);
      node?.freeze();
      expect(await httpLook(apps)).toBeUndefined();
      node?.thaw();
      expect(await httpLook(apps)).toBeDefined();
      await node?.kill();
      expect(await httpLook(apps)).toBeUndefined();
      await node?.restart();
      expect(await httpLook(apps)).toBeDefined();
      expect(await lists(endpoint, 'USERS')).toBe(false);
    });

    it('of three each passes on what it takes, and one that joins anew has it by the next beat at the latest', async () => {
      const eureka = await start({ nodes: 3 });
      const [first, second, third] = eureka.nodes;
      await register(first?.endpoint, 'ORDERS');
      for (const node of [second, third])
        await expect.poll(() => lists(node?.endpoint, 'ORDERS'), { timeout: 30_000 }).toBe(true);
      await third?.kill();
      await third?.restart({ wipe: true });
      // It reads all from a peer when it starts. That may be an answer which the peer made just while this came, and keeps.
      const beatAndLook = async () => {
        await beat(first?.endpoint, 'ORDERS');
        return await lists(third?.endpoint, 'ORDERS');
      };
      await expect.poll(beatAndLook, { timeout: 60_000, interval: 500 }).toBe(true);
    });
  },
);
