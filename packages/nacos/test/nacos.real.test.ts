import { once } from 'node:events';
import { createServer, type Server as TcpServer } from 'node:net';
import { type RunningNacos, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { nacosAdapter } from '../src/index.ts';
import {
  follow,
  instance,
  keyOf,
  openAdapter,
  operate,
  rawList,
  soon,
  startProxies,
  Stranger,
  ttlMs,
  START_MS,
} from './real-nacos.ts';

let nacos: RunningNacos;
let server: string;
beforeAll(async () => {
  nacos = await startRegistry('nacos', { own: true });
  server = nacos.endpoints[0] ?? '';
}, START_MS);
afterAll(() => nacos.stop());

async function behindProxies() {
  const proxies = await startProxies(server);
  onTestFinished(() => proxies.stop());
  return { proxies, adapter: await openAdapter({ servers: [proxies.server] }) };
}

async function idsOf(adapter: Awaited<ReturnType<typeof openAdapter>>, service: string): Promise<string[]> {
  const { instances } = await adapter.discover(keyOf(service), soon());
  return instances.map(({ id }) => id).toSorted();
}

describe('an entry', () => {
  it('is one that Nacos’ own readers understand: who shall get no call has no weight or no health', async () => {
    const adapter = await openAdapter({ servers: [server], cluster: 'east' });
    await adapter.register(instance('plain', 'a', { weight: 2.5, metadata: { team: 'x' } }), {
      ttlMs,
      ...soon(),
    });
    await adapter.register(instance('plain', 'b', { status: 'OUT_OF_SERVICE', weight: 3, port: 8081 }), {
      ttlMs,
      ...soon(),
    });
    await adapter.register(instance('plain', 'c', { status: 'DOWN', port: 8082 }), { ttlMs, ...soon() });
    await vi.waitFor(async () => expect(await rawList(server, 'plain')).toHaveLength(3), { timeout: 3_000 });
    const listed = new Map((await rawList(server, 'plain')).map((each) => [each.port, each]));
    expect(listed.get(8080)).toMatchObject({
      ip: '10.0.0.7',
      weight: 2.5,
      healthy: true,
      enabled: true,
      ephemeral: true,
      clusterName: 'east',
      metadata: { team: 'x', 'rollcall.id': 'a' },
    });
    expect(listed.get(8081)).toMatchObject({
      weight: 0,
      healthy: true,
      metadata: { 'rollcall.status': 'OUT_OF_SERVICE', 'rollcall.weight': '3' },
    });
    expect(listed.get(8082)).toMatchObject({ weight: 1, healthy: false });
  });

  it('may share its address with another of its service', async () => {
    const adapter = await openAdapter({ servers: [server] });
    for (const id of ['a', 'b']) await adapter.register(instance('shared', id), { ttlMs, ...soon() });
    await expect.poll(() => idsOf(adapter, 'shared')).toEqual(['a', 'b']);
    await adapter.deregister(instance('shared', 'a'), soon());
    await expect.poll(() => idsOf(adapter, 'shared')).toEqual(['b']);
  });

  it('of a process that was started again counts, and not that of its former self, which Nacos still lists', async () => {
    const [old, young, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
    ];
    await old.register(instance('again', 'a', { weight: 1 }), { ttlMs, ...soon() });
    const follower = follow(reader, 'again');
    await vi.waitFor(() => expect(follower.known.size).toBe(1), { timeout: 3_000 });
    await young.register(instance('again', 'a', { weight: 7 }), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(follower.known.get('a')?.weight).toBe(7), { timeout: 3_000 });
    expect(await rawList(server, 'again')).toHaveLength(2);
    await old.close();
    await expect.poll(async () => (await rawList(server, 'again')).length, { timeout: 3_000 }).toBe(1);
    expect((await reader.discover(keyOf('again'), soon())).instances[0]?.weight).toBe(7);
    expect(follower.events.every((event) => event.kind === 'list' || event.removed.length === 0)).toBe(true);
  });

  it('whose metadata is too long is refused, and takes no other along', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const long = instance('long', 'long', { metadata: { text: 'x'.repeat(1_000) } });
    const [refused] = await Promise.allSettled([
      adapter.register(long, { ttlMs, ...soon() }),
      adapter.register(instance('long', 'short'), { ttlMs, ...soon() }),
    ]);
    expect(refused).toMatchObject({ reason: { code: 'INVALID_ARGUMENT', field: 'metadata' } });
    await expect.poll(() => idsOf(adapter, 'long')).toEqual(['short']);
  });

  it('is in its group and its namespace alone', async () => {
    const here = await openAdapter({ servers: [server], namespaces: { default: 'team-a' } });
    const there = await openAdapter({ servers: [server], group: 'OTHER' });
    await here.register(instance('apart', 'here'), { ttlMs, ...soon() });
    await there.register(instance('apart', 'there'), { ttlMs, ...soon() });
    await expect.poll(() => idsOf(here, 'apart')).toEqual(['here']);
    await expect.poll(() => idsOf(there, 'apart')).toEqual(['there']);
    const named = await openAdapter({ servers: [server] });
    const key = { namespace: 'team-a', service: 'apart' };
    expect((await named.discover(key, soon())).instances.map(({ id }) => id)).toEqual(['here']);
    expect(await idsOf(named, 'apart')).toEqual([]);
    expect(await there.listServices('default', soon())).toEqual(['apart']);
  });
});

describe('a lasting instance', () => {
  it('outlives its process, and leaves when anybody deregisters it', async () => {
    const options = { servers: [server], ephemeral: false };
    const writer = await openAdapter(options);
    const lease = await writer.register(instance('lasting', 'a'), { ttlMs, ...soon() });
    await writer.register(instance('lasting', 'a', { port: 8081 }), { ttlMs, ...soon() });
    expect(lease.lost).toBeUndefined();
    await writer.close();
    const other = await openAdapter(options);
    await expect.poll(() => idsOf(other, 'lasting'), { timeout: 3_000 }).toEqual(['a']);
    expect(await rawList(server, 'lasting')).toMatchObject([{ port: 8081, ephemeral: false }]);
    await other.deregister(instance('lasting', 'a'), soon());
    await expect.poll(() => idsOf(other, 'lasting'), { timeout: 3_000 }).toEqual([]);
  });
});

describe('an override', { timeout: 30_000 }, () => {
  const listedAs = async (service: string) => {
    const [one] = await rawList(server, service);
    return one as unknown as
      | { weight: number; enabled: boolean; metadata: Record<string, string> }
      | undefined;
  };

  it('stands beside what the owner registers, and a later write of the owner’s is not changed by it', async () => {
    const [owner, other] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
    ];
    const reader = follow(other, 'overridden');
    const key = { ...keyOf('overridden'), id: 'a' };
    const lease = await owner.register(instance('overridden', 'a', { weight: 2 }), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(reader.known.get('a')?.weight).toBe(2), { timeout: 3_000 });
    await other.override(key, { status: 'OUT_OF_SERVICE' }, soon());
    await vi.waitFor(() =>
      expect(reader.known.get('a')).toMatchObject({ status: 'OUT_OF_SERVICE', weight: 2 }),
    );
    // Readers of other frameworks give it no call.
    expect(await listedAs('overridden')).toMatchObject({ weight: 0, enabled: true });
    await owner.register(instance('overridden', 'a', { weight: 4 }), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(reader.known.get('a')).toMatchObject({ status: 'UP', weight: 4 }), {
      timeout: 3_000,
    });
    // Those know of no write: only an operator ends it for them.
    expect(await listedAs('overridden')).toMatchObject({ weight: 0 });
    await other.override(key, { status: 'UP' }, soon());
    expect(await listedAs('overridden')).toMatchObject({ weight: 4 });
    expect(lease.lost?.aborted).toBe(false);
    await owner.close();
    await vi.waitFor(() => expect(reader.known.size).toBe(0), { timeout: 3_000 });
  });

  it('of one of two instances at the same address changes that one alone', async () => {
    const adapter = await openAdapter({ servers: [server] });
    for (const id of ['a', 'b'])
      await adapter.register(instance('neighbours', id, { weight: 2 }), { ttlMs, ...soon() });
    await vi.waitFor(async () => expect(await idsOf(adapter, 'neighbours')).toEqual(['a', 'b']), {
      timeout: 3_000,
    });
    await adapter.override({ ...keyOf('neighbours'), id: 'a' }, { weight: 5 }, soon());
    const { instances } = await adapter.discover(keyOf('neighbours'), soon());
    expect(instances.map(({ id, weight }) => `${id} ${weight}`).toSorted()).toEqual(['a 5', 'b 2']);
  });

  it('of a lasting instance, and of one that another framework registered, is the same', async () => {
    const adapter = await openAdapter({ servers: [server], ephemeral: false });
    await adapter.register(instance('lasting-overridden', 'a', { weight: 2 }), { ttlMs, ...soon() });
    const query = 'serviceName=foreign&ip=10.0.0.9&port=8080&weight=3&ephemeral=true';
    await operate(server, `v1/ns/instance?${query}`, 'POST');
    const cases = [
      ['lasting-overridden', 'a', adapter, 2],
      ['foreign', '10.0.0.9:8080', await openAdapter({ servers: [server] }), 3],
    ] as const;
    for (const [service, id, operator, weight] of cases) {
      await vi.waitFor(async () => expect(await idsOf(operator, service)).toEqual([id]), { timeout: 3_000 });
      const key = { ...keyOf(service), id };
      await operator.override(key, { status: 'OUT_OF_SERVICE' }, soon());
      const seen = async () => (await operator.discover(key, soon())).instances;
      expect(await seen()).toMatchObject([{ status: 'OUT_OF_SERVICE', weight }]);
      await operator.override(key, { status: 'UP', weight: 7 }, soon());
      expect(await seen()).toMatchObject([{ status: 'UP', weight: 7 }]);
      expect(await listedAs(service)).toMatchObject({ weight: 7 });
    }
    await adapter.deregister(instance('lasting-overridden', 'a'), soon());
  });
});

describe('a list', () => {
  it('of which one of 1 000 changed tells that one', { timeout: 60_000 }, async () => {
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
    ];
    const all = Array.from({ length: 1_000 }, (_, i) => instance('many', `i-${i}`, { port: 1_000 + i }));
    await Promise.all(all.map((each) => writer.register(each, { ttlMs, ...soon(20_000) })));
    const follower = follow(reader, 'many');
    await vi.waitFor(() => expect(follower.known.size).toBe(1_000), { timeout: 10_000 });
    const before = follower.events.length;
    const kept = follower.known.get('i-78');
    await writer.register(instance('many', 'i-77', { port: 1_077, weight: 2 }), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(follower.known.get('i-77')?.weight).toBe(2), { timeout: 5_000 });
    expect(follower.events.slice(before)).toMatchObject([
      { kind: 'delta', put: [{ id: 'i-77' }], removed: [] },
    ]);
    expect(follower.known.get('i-78')).toBe(kept);
  });

  it('from which several left at once is handed on whole, for the core to judge', async () => {
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
    ];
    for (const [i, id] of ['a', 'b', 'c'].entries())
      await writer.register(instance('shrunk', id, { port: 9_000 + i }), { ttlMs, ...soon() });
    const follower = follow(reader, 'shrunk');
    await vi.waitFor(() => expect(follower.known.size).toBe(3), { timeout: 3_000 });
    await writer.deregister(instance('shrunk', 'a'), soon());
    await vi.waitFor(() => expect(follower.known.size).toBe(2), { timeout: 3_000 });
    expect(follower.events.at(-1)).toMatchObject({ kind: 'delta', removed: ['a'] });
    await writer.close();
    await vi.waitFor(() => expect(follower.known.size).toBe(0), { timeout: 3_000 });
    expect(follower.events.at(-1)).toMatchObject({ kind: 'list', instances: [] });
  });

  it('is no longer pushed when nobody follows it', async () => {
    const reader = await openAdapter({ servers: [server] });
    const [first, second] = [follow(reader, 'followed'), follow(reader, 'followed')];
    await vi.waitFor(() => expect([first, second].map(({ events }) => events.length)).toEqual([1, 1]));
    const followers = async () => {
      const text = await operate(
        server,
        'v3/admin/ns/service/subscribers?serviceName=followed&namespaceId=public',
      );
      return (JSON.parse(text) as { data: { totalCount: number } }).data.totalCount;
    };
    await expect.poll(followers, { timeout: 3_000 }).toBe(1);
    await first.stop();
    expect(await followers()).toBe(1);
    await second.stop();
    await expect.poll(followers, { timeout: 3_000 }).toBe(0);
  });
});

describe('a connection that Nacos wants elsewhere', () => {
  it('is lost, but listed until another has taken its place: nobody sees a gap', async () => {
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
    ];
    const lease = await writer.register(instance('moved', 'a'), { ttlMs, ...soon() });
    const follower = follow(reader, 'moved');
    await vi.waitFor(() => expect(follower.known.size).toBe(1), { timeout: 3_000 });
    const ended = once(lease.lost ?? new EventTarget(), 'abort');
    const { data } = JSON.parse(await operate(server, 'v3/admin/core/loader/current')) as { data: object };
    const clients = await connectionsOf('moved');
    expect(Object.keys(data)).toEqual(expect.arrayContaining(clients));
    for (const id of clients)
      await operate(server, `v3/admin/core/loader/reloadClient?connectionId=${id}`, 'POST');
    await ended;
    const next = await writer.register(instance('moved', 'a'), { ttlMs, ...soon() });
    expect(next).not.toBe(lease);
    await expect
      .poll(() => connectionsOf('moved'), { timeout: 8_000 })
      .not.toEqual(expect.arrayContaining(clients));
    await expect.poll(async () => (await connectionsOf('moved')).length, { timeout: 3_000 }).toBe(1);
    expect(follower.events.every((event) => event.kind === 'list' || event.removed.length === 0)).toBe(true);
    expect(follower.known.size).toBe(1);
    // What is taken out afterwards doesn't come back.
    await writer.deregister(instance('moved', 'a'), soon());
    await vi.waitFor(() => expect(follower.known.size).toBe(0), { timeout: 3_000 });
  });

  async function connectionsOf(serviceName: string): Promise<string[]> {
    const text = await operate(
      server,
      `v3/admin/ns/client/service/publisher/list?serviceName=${serviceName}`,
    );
    return (JSON.parse(text) as { data: { clientId: string }[] }).data.map(({ clientId }) => clientId);
  }
});

describe('a black hole', { timeout: 60_000 }, () => {
  it('ends calls with their signal and the watch by itself, and Nacos drops who is silent', async () => {
    const reader = await openAdapter({ servers: [server] });
    const { proxies, adapter } = await behindProxies();
    const lease = await adapter.register(instance('hole', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'hole');
    await vi.waitFor(() => expect(follower.known.size).toBe(1), { timeout: 3_000 });
    proxies.blackhole();
    const since = performance.now();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    expect(performance.now() - since).toBeLessThan(11_000);
    expect(lease.lost?.aborted).toBe(true);
    await expect(adapter.discover(keyOf('hole'), soon(300))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await expect.poll(() => idsOf(reader, 'hole'), { timeout: 30_000, interval: 100 }).toEqual([]);
    expect(performance.now() - since).toBeLessThan(lease.ttlMs + adapter.capabilities.crashSlackMs + 2_000);
    await proxies.restore();
    await vi.waitFor(() => adapter.register(instance('hole', 'a'), { ttlMs, ...soon() }), {
      timeout: 10_000,
    });
    await expect.poll(() => idsOf(reader, 'hole'), { timeout: 3_000 }).toEqual(['a']);
  });

  it('is found soon after a call that waited in vain', async () => {
    const { proxies, adapter } = await behindProxies();
    const follower = follow(adapter, 'vain');
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    proxies.blackhole();
    const since = performance.now();
    await expect(adapter.listServices('default', soon(200))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await follower.ended;
    expect(performance.now() - since).toBeLessThan(2_500);
  });
});

describe('a transport', () => {
  it('is HTTP where gRPC does not answer, and changes are polled there', async () => {
    const proxies = await startProxies(server);
    onTestFinished(() => proxies.stop());
    await proxies.grpc.stop();
    const warnings: string[] = [];
    const adapter = nacosAdapter(
      { servers: [proxies.server] },
      { warn: (message) => warnings.push(message) },
    );
    onTestFinished(() => adapter.close());
    expect('watch' in adapter).toBe(true);
    await adapter.open(soon().signal);
    expect('watch' in adapter).toBe(false);
    expect(adapter.capabilities.liveness).toBe('lease');
    expect(warnings).toEqual([expect.stringContaining('HTTP')]);
    const lease = await adapter.register(instance('by-http', 'a'), { ttlMs: 6_000, ...soon() });
    await lease.renew?.(soon());
    const reader = await openAdapter({ servers: [server] });
    await expect.poll(() => idsOf(reader, 'by-http'), { timeout: 3_000 }).toEqual(['a']);
    const strict = nacosAdapter({ servers: [proxies.server], transport: 'grpc' });
    await expect(strict.open(soon().signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('goes on with the next server when one can’t be reached', async () => {
    const adapter = await openAdapter({ servers: ['http://127.0.0.1:1', server, 'http://127.0.0.1:2'] });
    await adapter.register(instance('next', 'a'), { ttlMs, ...soon() });
    await expect.poll(() => idsOf(adapter, 'next'), { timeout: 3_000 }).toEqual(['a']);
  });
});

describe('what isn’t Nacos', () => {
  it.each([
    ['closes at once', (tcp: TcpServer) => tcp.on('connection', (socket) => socket.end())],
    [
      'speaks something else',
      (tcp: TcpServer) => tcp.on('connection', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    ],
    ['says nothing', (tcp: TcpServer) => tcp.on('connection', () => {})],
  ])('a server that %s is an error with its address', async (_what, behave) => {
    const tcp = behave(createServer()).listen(0, '127.0.0.1');
    tcp.on('connection', (socket) => socket.on('error', () => {}));
    onTestFinished(() => void tcp.close());
    await once(tcp, 'listening');
    const address = tcp.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const adapter = nacosAdapter({ servers: [`http://127.0.0.1:${port - 1_000}`], transport: 'grpc' });
    const failure: unknown = await adapter.open(soon(12_000).signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'RegistryError', retryable: true });
    expect(String(failure)).toContain(`127.0.0.1:${port}`);
    await adapter.close();
  });
});

describe('entries of others', () => {
  it('are read where they can be, and reported where not', async () => {
    const stranger = new Stranger(server);
    onTestFinished(() => stranger.close());
    const write = (id: string, metadata: Record<string, string>) =>
      stranger.write(instance('mixed', id), metadata);
    await write('plain', { team: 'x' });
    await write('proto', JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>);
    await write('bad', { 'rollcall.tags': 'no list' });
    const adapter = await openAdapter({ servers: [server] });
    await expect.poll(async () => (await rawList(server, 'mixed')).length, { timeout: 3_000 }).toBe(3);
    const { instances, skipped } = await adapter.discover(keyOf('mixed'), soon());
    expect(instances.map(({ metadata }) => Object.keys(metadata ?? {}).toSorted())).toEqual(
      expect.arrayContaining([['team'], ['__proto__', 'constructor']]),
    );
    expect(skipped).toEqual([
      {
        key: expect.stringContaining('10.0.0.8') as string,
        reason: expect.stringContaining('tags') as string,
      },
    ]);
    expect(({} as Record<string, unknown>)['team']).toBeUndefined();
  });
});

describe('a server that is frozen, killed and started again', { timeout: 120_000 }, () => {
  it('takes the leases with it; the adapter goes on when it is back, and no list is empty before', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const lease = await adapter.register(instance('restart', 'a'), { ttlMs, ...soon() });
    await expect.poll(() => idsOf(adapter, 'restart'), { timeout: 3_000 }).toEqual(['a']);
    const follower = follow(adapter, 'restart');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    const [node] = nacos.nodes;
    node?.freeze();
    await expect(adapter.discover(keyOf('restart'), soon(500))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    node?.thaw();
    const again = await vi.waitFor(() => adapter.register(instance('restart', 'a'), { ttlMs, ...soon() }), {
      timeout: 10_000,
    });
    expect(again).not.toBe(lease);
    await node?.kill();
    await vi.waitFor(() => expect(again.lost?.aborted).toBe(true));
    await expect(adapter.discover(keyOf('restart'), soon())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await node?.restart({ wipe: true });
    await vi.waitFor(() => adapter.register(instance('restart', 'a'), { ttlMs, ...soon() }), {
      timeout: 20_000,
    });
    await expect.poll(() => idsOf(adapter, 'restart'), { timeout: 5_000 }).toEqual(['a']);
    expect(follower.known.size).toBe(1);
    expect(follower.events).toMatchObject([{ kind: 'list', instances: [{ id: 'a' }] }]);
  });
});
