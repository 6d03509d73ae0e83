import { availability, type RunningZooKeeper, startRegistry } from '@rollcall-tools/registries';
import { describe, expect, it, onTestFinished } from 'vitest';

import { tcpLook } from '../src/tcp-look.ts';

const here = availability('zookeeper', { own: true });

async function mode(endpoint: string): Promise<string | undefined> {
  const answer = await tcpLook(Number(endpoint.split(':')[1]), 'srvr');
  return /^Mode: (\w+)/m.exec(answer ?? '')?.[1];
}

async function start(options: Parameters<typeof startRegistry>[1]): Promise<RunningZooKeeper> {
  const zookeeper = await startRegistry('zookeeper', options);
  onTestFinished(() => zookeeper.stop());
  return zookeeper;
}

describe.skipIf(!here.available)(`ZooKeeper${here.available ? '' : ` (${here.reason})`}`, () => {
  it('serves at host:port, ends when it is killed, and comes back at the same place', async () => {
    const zookeeper = await start({ own: true });
    const [endpoint = ''] = zookeeper.endpoints;
    expect(endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await mode(endpoint)).toBe('standalone');
    const [node] = zookeeper.nodes;
    await node?.kill();
    expect(await mode(endpoint)).toBeUndefined();
    await node?.restart();
    expect(await mode(endpoint)).toBe('standalone');
    await zookeeper.stop();
    expect(await mode(endpoint)).toBeUndefined();
  });

  it('answers nothing while it is frozen', async () => {
    const zookeeper = await start({ own: true });
    const [node] = zookeeper.nodes;
    node?.freeze();
    expect(await mode(node?.endpoint ?? '')).toBeUndefined();
    node?.thaw();
    expect(await mode(node?.endpoint ?? '')).toBe('standalone');
  });

  it('of three has one that leads, and another when that one is killed', async () => {
    const zookeeper = await start({ nodes: 3 });
    const modes = await Promise.all(zookeeper.endpoints.map(mode));
    expect(modes).toEqual(expect.arrayContaining(['follower', 'leader']));
    const leader = await zookeeper.leader();
    await leader.kill();
    await expect
      .poll(async () => (await zookeeper.leader().catch(() => leader)).name, { timeout: 15_000 })
      .not.toBe(leader.name);
    await leader.restart({ wipe: true });
    expect(await mode(leader.endpoint)).toBe('follower');
  });
});
