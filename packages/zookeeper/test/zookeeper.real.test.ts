import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { type RunningZooKeeper, startRegistry, startTcpProxy } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Frames } from '../src/frames.ts';
import { zookeeperAdapter } from '../src/index.ts';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';
import { killSession, NOBODY, Operator, pathOf } from './real-zookeeper.ts';

/** Short ticks: sessions of a second and more, and an end for those of the dead every half second. */
const QUICK = ['tickTime=500', 'maxSessionTimeout=60000'];
const ttlMs = 3_000;

let zookeeper: RunningZooKeeper;
let endpoint: string;
let operator: Operator;
beforeAll(async () => {
  zookeeper = await startRegistry('zookeeper', { own: true, flags: QUICK });
  endpoint = zookeeper.endpoints[0] ?? '';
  operator = await Operator.connect(endpoint);
});
afterAll(async () => {
  operator.close();
  await zookeeper.stop();
});

async function behindProxy() {
  const proxy = await startTcpProxy({
    targetHost: '127.0.0.1',
    targetPort: Number(endpoint.split(':')[1]),
  });
  onTestFinished(() => proxy.stop());
  return { proxy, adapter: await openAdapter({ hosts: [`127.0.0.1:${proxy.port}`] }) };
}

async function ownerOf(service: string, id: string): Promise<string | undefined> {
  return await operator.ownerOf(pathOf(instance(service, id)));
}

describe('an entry', () => {
  it('is an ephemeral node with the instance as JSON, below lasting ones', async () => {
    const adapter = await openAdapter({ hosts: [endpoint] });
    await adapter.register(instance('plain', 'a/b', { weight: 5 }), { ttlMs, ...soon() });
    const path = '/rollcall/default/plain/a%2Fb';
    expect(JSON.parse(await operator.read(path))).toEqual({ host: '10.0.0.7', port: 8080, weight: 5 });
    expect(await ownerOf('plain', 'a/b')).not.toBe(NOBODY);
    expect(await operator.ownerOf('/rollcall/default/plain')).toBe(NOBODY);
  });

  it('that another session wrote is taken over without a gap, and doesn’t leave with that session', async () => {
    const [old, young, reader] = [
      await openAdapter({ hosts: [endpoint] }),
      await openAdapter({ hosts: [endpoint] }),
      await openAdapter({ hosts: [endpoint] }),
    ];
    await old.register(instance('taken', 'a'), { ttlMs, ...soon() });
    const before = await ownerOf('taken', 'a');
    const follower = follow(reader, 'taken');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    const seen: number[] = [];
    let isDone = false;
    const looking = (async () => {
      while (!isDone) seen.push((await reader.discover(keyOf('taken'), soon())).instances.length);
    })();
    await young.register(instance('taken', 'a', { weight: 7 }), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(follower.known.get('a')?.weight).toBe(7));
    isDone = true;
    await looking;
    expect(new Set(seen)).toEqual(new Set([1]));
    expect(follower.events.some((event) => event.kind === 'delta' && event.removed.length > 0)).toBe(false);
    const after = await ownerOf('taken', 'a');
    expect(after).not.toBe(before);
    await killSession(endpoint, before ?? '');
    expect(await ownerOf('taken', 'a')).toBe(after);
  });

  it('that an operator changes stays its owner’s, also when the operator’s session ends', async () => {
    const [owner, other] = [
      await openAdapter({ hosts: [endpoint] }),
      await openAdapter({ hosts: [endpoint] }),
    ];
    await owner.register(instance('changed', 'a', { zone: 'eu-1a' }), { ttlMs, ...soon() });
    await other.register(instance('changed', 'b'), { ttlMs, ...soon() });
    const before = await ownerOf('changed', 'a');
    await other.override({ ...keyOf('changed'), id: 'a' }, { status: 'OUT_OF_SERVICE' }, soon());
    const session = await ownerOf('changed', 'b');
    await killSession(endpoint, session ?? '');
    await vi.waitFor(async () =>
      expect(await operator.ownerOf(pathOf(instance('changed', 'b')))).toBeUndefined(),
    );
    expect(await ownerOf('changed', 'a')).toBe(before);
    expect(JSON.parse(await operator.read(pathOf(instance('changed', 'a'))))).toEqual({
      host: '10.0.0.7',
      port: 8080,
      zone: 'eu-1a',
      status: 'OUT_OF_SERVICE',
    });
  });

  it('takes the place of a lasting node', async () => {
    await operator.write(pathOf(instance('lasting', 'a')), 'left behind');
    const adapter = await openAdapter({ hosts: [endpoint] });
    await adapter.register(instance('lasting', 'a'), { ttlMs, ...soon() });
    expect(await ownerOf('lasting', 'a')).not.toBe(NOBODY);
  });

  it('that can’t be read is reported with its path, and hides no other', async () => {
    const adapter = await openAdapter({ hosts: [endpoint] });
    await adapter.register(instance('mixed', 'good'), { ttlMs, ...soon() });
    await operator.write('/rollcall/default/mixed/bad', 'no instance');
    await operator.write('/rollcall/default/mixed/a b', '{}');
    const { instances, skipped } = await adapter.discover(keyOf('mixed'), soon());
    expect(instances.map(({ id }) => id)).toEqual(['good']);
    expect(skipped.map(({ key }) => key).toSorted()).toEqual([
      '/rollcall/default/mixed/a b',
      '/rollcall/default/mixed/bad',
    ]);
  });
});

describe('the session', { timeout: 30_000 }, () => {
  it('lives through a cut connection, and the entries with it', async () => {
    const { proxy, adapter } = await behindProxy();
    const lease = await adapter.register(instance('cut', 'a'), { ttlMs, ...soon() });
    const owner = await ownerOf('cut', 'a');
    await proxy.cut();
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await proxy.restore();
    await lease.renew?.(soon());
    await adapter.register(instance('cut', 'a'), { ttlMs, ...soon() });
    expect(await ownerOf('cut', 'a')).toBe(owner);
    expect(lease.lost?.aborted).toBe(false);
  });

  it('that expired is told by the next beat, and the next registration has another', async () => {
    const adapter = await openAdapter({ hosts: [endpoint] });
    const lease = await adapter.register(instance('expired', 'a'), { ttlMs, ...soon() });
    const owner = (await ownerOf('expired', 'a')) ?? '';
    await killSession(endpoint, owner);
    await vi.waitFor(() => expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' }));
    expect(lease.lost?.aborted).toBe(true);
    const next = await adapter.register(instance('expired', 'a'), { ttlMs, ...soon() });
    expect(next).not.toBe(lease);
    await next.renew?.(soon());
    expect(await ownerOf('expired', 'a')).not.toBe(owner);
  });

  it('is one for all registrations, with the TTL of the first; a watch from before goes on', async () => {
    const adapter = await openAdapter({ hosts: [endpoint] });
    const follower = follow(adapter, 'ttl');
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    const first = await adapter.register(instance('ttl', 'a'), { ttlMs: 4_000, ...soon() });
    const second = await adapter.register(instance('ttl', 'b'), { ttlMs: 9_000, ...soon() });
    expect(first.ttlMs).toBe(4_000);
    expect(second).toBe(first);
    await vi.waitFor(() => expect([...follower.known.keys()].toSorted()).toEqual(['a', 'b']));
    expect(follower.events.filter(({ kind }) => kind === 'list')).toHaveLength(1);
  });
});

describe('a black hole', { timeout: 30_000 }, () => {
  it('ends calls with their signal, the watch by itself before the session expires, and nothing is lost', async () => {
    const { proxy, adapter } = await behindProxy();
    const lease = await adapter.register(instance('hole', 'a'), { ttlMs: 6_000, ...soon() });
    const owner = await ownerOf('hole', 'a');
    const follower = follow(adapter, 'hole');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    proxy.blackhole();
    const since = performance.now();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    expect(performance.now() - since).toBeLessThan(4_500);
    await expect(adapter.discover(keyOf('hole'), soon(300))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await proxy.restore();
    await vi.waitFor(() => lease.renew?.(soon()), { timeout: 3_000 });
    expect(await ownerOf('hole', 'a')).toBe(owner);
  });

  it('is found soon after a call that waited in vain', async () => {
    const { proxy, adapter } = await behindProxy();
    const follower = follow(adapter, 'vain');
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    proxy.blackhole();
    const since = performance.now();
    await expect(adapter.listServices('default', soon(200))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await follower.ended;
    expect(performance.now() - since).toBeLessThan(2_000);
  });
});

describe('a user', () => {
  const user = { username: 'rollcall', password: 'hunter2:3' };

  it('owns what it writes: nobody else may read it, unless it says so', async () => {
    const owner = await openAdapter({ hosts: [endpoint], chroot: '/closed', ...user });
    await owner.register(instance('secret', 'a'), { ttlMs, ...soon() });
    expect((await owner.discover(keyOf('secret'), soon())).instances).toHaveLength(1);
    for (const other of [{}, { ...user, password: 'wrong' }]) {
      const stranger = await openAdapter({ hosts: [endpoint], chroot: '/closed', ...other });
      for (const call of [
        () => stranger.discover(keyOf('secret'), soon()),
        () => stranger.register(instance('secret', 'b'), { ttlMs, ...soon() }),
        () => stranger.deregister(instance('secret', 'a'), soon()),
      ]) {
        const error: unknown = await call().catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'PERMISSION_DENIED' });
        expect(String(error)).not.toMatch(/hunter2|wrong/u);
      }
    }
    const open = await openAdapter({ hosts: [endpoint], chroot: '/shown', worldReadable: true, ...user });
    await open.register(instance('shown', 'a'), { ttlMs, ...soon() });
    const reader = await openAdapter({ hosts: [endpoint], chroot: '/shown' });
    expect((await reader.discover(keyOf('shown'), soon())).instances).toHaveLength(1);
    await expect(reader.deregister(instance('shown', 'a'), soon())).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
  });
});

describe('10 000 instances', { timeout: 120_000 }, () => {
  it('are listed and watched whole, and one change is told as one', async () => {
    const [writer, reader] = [
      await openAdapter({ hosts: [endpoint] }),
      await openAdapter({ hosts: [endpoint] }),
    ];
    const rest = Array.from({ length: 10_000 }, (_, i) => instance('many', `instance-${i}`)).values();
    const work = async () => {
      for (const each of rest) await writer.register(each, { ttlMs: 30_000, ...soon(60_000) });
    };
    await Promise.all(Array.from({ length: 64 }, work));
    expect((await reader.discover(keyOf('many'), soon(20_000))).instances).toHaveLength(10_000);
    const follower = follow(reader, 'many');
    await vi.waitFor(() => expect(follower.known.size).toBe(10_000), { timeout: 20_000 });
    await writer.register(instance('many', 'instance-77', { weight: 2 }), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(follower.known.get('instance-77')?.weight).toBe(2));
    const [, change] = follower.events;
    expect(change).toMatchObject({ kind: 'delta', removed: [], skipped: [] });
    expect(change?.kind === 'delta' && change.put.map(({ id }) => id)).toEqual(['instance-77']);
  });
});

describe('an IPv6 address', () => {
  it('is reached, though the library’s own parser can’t read it', async () => {
    const server = createServer((socket) => {
      const onward = connect(Number(endpoint.split(':')[1]), '127.0.0.1');
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on('error', () => end.destroy());
    }).listen(0, '::1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const adapter = await openAdapter({ hosts: [`[::1]:${portOf(server)}`] });
    await adapter.register(instance('six', 'a'), { ttlMs, ...soon() });
    expect((await adapter.discover(keyOf('six'), soon())).instances).toHaveLength(1);
  });
});

describe('what isn’t ZooKeeper', () => {
  it.each([
    ['closes at once', (server: Server) => server.on('connection', (socket) => socket.end()), 'UNAVAILABLE'],
    [
      'answers in another protocol',
      (server: Server) =>
        server.on('connection', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
      'PROTOCOL',
    ],
    [
      'answers with less than it says',
      (server: Server) => server.on('connection', (socket) => socket.write(Buffer.from([0, 0, 0, 2, 9, 9]))),
      'PROTOCOL',
    ],
  ])('a server that %s is an error', async (_what, behave, code) => {
    const server = behave(createServer()).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const port = portOf(server);
    const adapter = zookeeperAdapter({ hosts: [`127.0.0.1:${port}`] });
    await expect(adapter.open(soon().signal)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`127.0.0.1:${port}`) as string,
    });
    await adapter.close();
  });
});

describe('an answer that the client library doesn’t know', () => {
  it('ends the call and the connection, and the next call makes another', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      const frames = new Frames();
      let isGreeted = false;
      socket.on('data', (chunk) => {
        for (const request of frames.add(chunk)) {
          socket.write(isGreeted ? refusal(request.readInt32BE(4)) : greeting());
          isGreeted = true;
        }
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const adapter = await openAdapter({ hosts: [`127.0.0.1:${portOf(server)}`] });
    for (let each = 1; each <= 2; each++) {
      await expect(adapter.discover(keyOf('any'), soon())).rejects.toMatchObject({
        code: 'PROTOCOL',
        message: expect.stringContaining('-125') as string,
      });
      expect(connections).toBe(each);
    }
  });

  /** A new session of 6 s. */
  function greeting(): Buffer {
    const answer = Buffer.alloc(41);
    answer.writeInt32BE(37);
    answer.writeInt32BE(6_000, 8);
    answer.writeInt32BE(77, 16);
    answer.writeInt32BE(16, 20);
    return answer;
  }

  /** The code of an exceeded quota, which is younger than the library. */
  function refusal(xid: number): Buffer {
    const answer = Buffer.alloc(20);
    answer.writeInt32BE(16);
    answer.writeInt32BE(xid, 4);
    answer.writeInt32BE(-125, 16);
    return answer;
  }
});

describe('a server that is killed and started again', { timeout: 60_000 }, () => {
  it('with its data: the watch ends, and session and entries are there still', async () => {
    const own = await startRegistry('zookeeper', { own: true, flags: QUICK });
    onTestFinished(() => own.stop());
    const adapter = await openAdapter({ hosts: [...own.endpoints] });
    const lease = await adapter.register(instance('restart', 'a'), { ttlMs: 20_000, ...soon() });
    const follower = follow(adapter, 'restart');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await own.restart();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    await lease.renew?.(soon());
    expect((await adapter.discover(keyOf('restart'), soon())).instances).toHaveLength(1);
    await own.restart({ wipe: true });
    await vi.waitFor(() => expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' }), {
      timeout: 5_000,
    });
    expect((await adapter.discover(keyOf('restart'), soon())).instances).toEqual([]);
    await adapter.register(instance('restart', 'a'), { ttlMs, ...soon() });
    expect((await adapter.discover(keyOf('restart'), soon())).instances).toHaveLength(1);
  });
});

describe('of three servers', { timeout: 60_000 }, () => {
  it('the one that leads may die: session and entries live on with another', async () => {
    const ensemble = await startRegistry('zookeeper', { nodes: 3 });
    onTestFinished(() => ensemble.stop());
    const adapter = await openAdapter({ hosts: ['127.0.0.1:1', ...ensemble.endpoints] });
    const lease = await adapter.register(instance('three', 'a'), { ttlMs: 20_000, ...soon() });
    await (await ensemble.leader()).kill();
    await vi.waitFor(() => lease.renew?.(soon()), { timeout: 20_000, interval: 200 });
    await vi.waitFor(
      async () => expect((await adapter.discover(keyOf('three'), soon())).instances).toHaveLength(1),
      { timeout: 10_000 },
    );
    expect(lease.lost?.aborted).toBe(false);
  });
});

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}
