import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { WatchEvent } from '@rollcall/core';
import { type RunningConsul, startRegistry, startTcpProxy } from '@rollcall-tools/registries';
import { HealthImplementation } from 'grpc-health-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { consulAdapter } from '../src/index.ts';
import { follow, instance, keyOf, openAdapter, soon } from './adapter-under-test.ts';
import { Operator } from './operator.ts';

const ttlMs = 60_000;

/** An agent may tell this late that a check failed, see `crashSlackMs` of the adapter. */
const untilTold = { timeout: consulAdapter().capabilities.crashSlackMs + 2_000 };

let consul: RunningConsul;
let address: string;
let operator: Operator;
beforeAll(async () => {
  consul = await startRegistry('consul', { own: true });
  address = consul.endpoints[0] ?? '';
  operator = new Operator(address);
});
afterAll(() => consul.stop());

const open = () => openAdapter({ addresses: [address] });

const removals = (events: readonly WatchEvent[]) =>
  events.flatMap((event) => (event.kind === 'delta' ? event.removed : []));

describe('an entry', () => {
  it('shows others what Consul takes, and Rollcall the whole instance in the notes of its check', async () => {
    const adapter = await open();
    const metadata = { team: 'accounts', 'not for Consul': 'x', long: 'y'.repeat(600) };
    const more = { weight: 2.5, tags: ['a', 'b c'], zone: 'eu-1a', metadata };
    await adapter.register(instance('plain', '10.0.0.7:8080', more), { ttlMs, ...soon() });
    const [entry] = await operator.entries('plain');
    expect(entry?.Service).toMatchObject({
      ID: 'plain~~10.0.0.7:8080',
      Service: 'plain',
      Address: '10.0.0.7',
      Port: 8080,
      Tags: ['a', 'b c'],
      Meta: { team: 'accounts', zone: 'eu-1a' },
      Weights: { Passing: 3, Warning: 1 },
    });
    const own = entry?.Checks.find(({ CheckID }) => CheckID === 'rollcall:plain~~10.0.0.7:8080');
    expect(own).toMatchObject({ Status: 'passing', Type: 'ttl', ServiceName: 'plain' });
    expect(JSON.parse(String(own?.Notes))).toEqual({ host: '10.0.0.7', port: 8080, ...more });
  });

  it('of another namespace has that in its name, and others stand beside it untouched', async () => {
    const adapter = await open();
    await adapter.register(instance('spaced', 'a', { namespace: 'Blue' }), { ttlMs, ...soon() });
    expect(await operator.entries('~42lue~~spaced')).toHaveLength(1);
    expect((await adapter.discover(keyOf('spaced'), soon())).instances).toEqual([]);
    expect(await adapter.listServices('Blue', soon())).toEqual(['spaced']);
    expect(await adapter.listServices('default', soon())).not.toContain('consul');
  });

  it('that isn’t up is no passing one, so that readers of others leave it out', async () => {
    const adapter = await open();
    const passing = () => operator.call('GET', 'health/service/drained?passing');
    const lease = await adapter.register(instance('drained', 'a'), { ttlMs, ...soon() });
    expect(await passing()).toHaveLength(1);
    const drained = instance('drained', 'a', { status: 'OUT_OF_SERVICE' });
    const next = await adapter.register(drained, { ttlMs, ...soon() });
    expect(await passing()).toHaveLength(0);
    await lease.renew?.(soon());
    await next.renew?.(soon());
    expect(await passing()).toHaveLength(0);
    expect((await adapter.discover(keyOf('drained'), soon())).instances).toEqual([drained]);
  });

  it('whose beats stopped leaves the list, while Consul has it still; the next registration takes it over', async () => {
    const [adapter, reader] = [await open(), await open()];
    const follower = follow(reader, 'expired');
    await vi.waitFor(() => expect(follower.events).toHaveLength(1));
    await adapter.register(instance('expired', 'a'), { ttlMs: 1_000, ...soon() });
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await vi.waitFor(() => expect(follower.known.size).toBe(0), untilTold);
    expect(follower.events.at(-1)).toMatchObject({ kind: 'delta', removed: ['a'] });
    expect(await operator.entries('expired')).toHaveLength(1);
    await adapter.register(instance('expired', 'a'), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    expect(follower.known.get('a')?.status).toBe('UP');
  });

  it('whose beats stopped leaves the list in the time declared, also at an agent that put off what it tells', async () => {
    // It compares itself with the servers each second or two, not each minute or two, and mostly during a registration.
    const busy = await startRegistry('consul', { own: true, flags: ['-hcl', 'ae_interval = "1s"'] });
    onTestFinished(() => busy.stop());
    const adapter = await openAdapter({ addresses: [...busy.endpoints] });
    const end = performance.now() + 4_000;
    const register = async (id: string) => {
      for (let port = 1; performance.now() < end; port++)
        await adapter.register(instance('churn', id, { port }), { ttlMs, ...soon() });
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(register));
    await adapter.register(instance('alone', 'a'), { ttlMs: 1_000, ...soon() });
    const follower = follow(await openAdapter({ addresses: [...busy.endpoints] }), 'alone');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await vi.waitFor(() => expect(follower.known.size).toBe(0), untilTold);
  });

  it('without its check has no proof of life: it isn’t listed, and the beat says so', async () => {
    const adapter = await open();
    const lease = await adapter.register(instance('bared', 'a'), { ttlMs, ...soon() });
    await operator.call('PUT', `agent/check/deregister/${encodeURIComponent('rollcall:bared~~a')}`);
    expect((await adapter.discover(keyOf('bared'), soon())).instances).toEqual([]);
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await adapter.register(instance('bared', 'a'), { ttlMs, ...soon() });
    expect((await adapter.discover(keyOf('bared'), soon())).instances).toHaveLength(1);
  });

  it('that another run of the process left is removed by its deregister', async () => {
    await (await open()).register(instance('left', 'a'), { ttlMs, ...soon() });
    await (await open()).deregister(instance('left', 'a'), soon());
    expect(await operator.entries('left')).toEqual([]);
  });

  it('isn’t brought back by a beat or an older lease after it was deregistered', async () => {
    const adapter = await open();
    const first = await adapter.register(instance('fenced', 'a'), { ttlMs, ...soon() });
    const second = await adapter.register(instance('fenced', 'a', { weight: 2 }), { ttlMs, ...soon() });
    await adapter.deregister(instance('fenced', 'a'), soon());
    for (const lease of [first, second])
      await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(await operator.entries('fenced')).toEqual([]);
  });
});

describe('what operators do with Consul', () => {
  it('maintenance mode, of a service or of its node, is OUT_OF_SERVICE', async () => {
    const adapter = await open();
    await adapter.register(instance('maintained', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'maintained');
    const tells = (status: string) => vi.waitFor(() => expect(follower.known.get('a')?.status).toBe(status));
    await tells('UP');
    const id = encodeURIComponent('maintained~~a');
    for (const path of [`agent/service/maintenance/${id}`, 'agent/maintenance']) {
      await operator.call('PUT', `${path}?enable=true`);
      await tells('OUT_OF_SERVICE');
      await operator.call('PUT', `${path}?enable=false`);
      await tells('UP');
    }
    expect(removals(follower.events)).toEqual([]);
  });

  it('a critical check of their own is DOWN; one that only warns is not', async () => {
    const adapter = await open();
    await adapter.register(instance('checked', 'a'), { ttlMs, ...soon() });
    const said = instance('checked', 'b', { status: 'STARTING' });
    await adapter.register(said, { ttlMs, ...soon() });
    const follower = follow(adapter, 'checked');
    await vi.waitFor(() => expect(follower.known.size).toBe(2));
    for (const [id, Status, status] of [
      ['a', 'critical', 'DOWN'],
      ['a', 'warning', 'UP'],
      ['b', 'critical', 'STARTING'],
    ] as const) {
      const check = { ID: `disk-${id}`, Name: 'disk', ServiceID: `checked~~${id}`, TTL: '10m', Status };
      await operator.call('PUT', 'agent/check/register', check);
      await operator.call('PUT', `agent/check/${Status === 'critical' ? 'fail' : 'warn'}/disk-${id}`);
      await vi.waitFor(() => expect(follower.known.get(id)?.status).toBe(status));
    }
  });

  it('entries that others wrote are read, critical ones as DOWN, and those that can’t be are reported', async () => {
    const check = (Status: string) => ({ Name: 'theirs', TTL: '10m', Status });
    const service = {
      Name: 'theirs',
      Tags: ['v1'],
      Meta: { team: 'x' },
      Weights: { Passing: 7, Warning: 1 },
    };
    for (const [ID, more] of [
      ['one', { ...service, Port: 80, Check: check('passing') }],
      ['two', { Name: 'theirs', Address: '10.0.0.2', Port: 80, Check: check('critical') }],
      ['no-port', { Name: 'theirs' }],
    ] as const)
      await operator.call('PUT', 'agent/service/register', { ID, ...more });
    const { instances, skipped } = await (await open()).discover(keyOf('theirs'), soon());
    expect(instances).toEqual([
      instance('theirs', 'one', {
        host: '127.0.0.1',
        port: 80,
        weight: 7,
        tags: ['v1'],
        metadata: { team: 'x' },
      }),
      instance('theirs', 'two', { host: '10.0.0.2', port: 80, status: 'DOWN' }),
    ]);
    expect(skipped).toEqual([
      {
        key: expect.stringMatching(/\/no-port$/u) as string,
        reason: expect.stringContaining('port') as string,
      },
    ]);
  });

  it('what they take out of the catalog, the same registration brings back at once, each time', async () => {
    const adapter = await open();
    const one = instance('missed', 'a', { metadata: { team: 'x' } });
    await adapter.register(one, { ttlMs, ...soon() });
    for (let n = 0; n < 3; n++) {
      await operator.removeFromCatalog(one);
      expect((await adapter.discover(keyOf('missed'), soon())).instances).toEqual([]);
      await adapter.register(one, { ttlMs, ...soon() });
      expect((await adapter.discover(keyOf('missed'), soon())).instances).toEqual([one]);
    }
  });

  it('what they take out of the catalog, the agent brings back', { timeout: 30_000 }, async () => {
    const own = await startRegistry('consul', { own: true });
    onTestFinished(() => own.stop());
    const adapter = await openAdapter({ addresses: [...own.endpoints] });
    await adapter.register(instance('restored', 'a'), { ttlMs, ...soon() });
    await new Operator(own.endpoints[0] ?? '').removeFromCatalog(instance('restored', 'a'));
    expect((await adapter.discover(keyOf('restored'), soon())).instances).toEqual([]);
    // Agents compare with the catalog each minute or two, and when they start.
    await own.nodes[0]?.restart();
    await vi.waitFor(
      async () => expect((await adapter.discover(keyOf('restored'), soon())).instances).toHaveLength(1),
      { timeout: 10_000 },
    );
  });
});

interface Probed {
  readonly port: number;
  readonly stop: () => void;
}

async function serveHttp(port: number, onRequest: (url: string | undefined) => void): Promise<Probed> {
  const server = createServer((request, response) => {
    onRequest(request.url);
    response.end();
  });
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(stop);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop };
}

async function serveGrpc(port: number): Promise<Probed> {
  const server = new Server();
  new HealthImplementation({ '': 'SERVING' }).addToServer(server);
  const stop = () => server.forceShutdown();
  onTestFinished(stop);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, taken) =>
      error ? reject(error) : resolve(taken),
    );
  });
  return { port: bound, stop };
}

describe('a probe by the agent', { timeout: 120_000 }, () => {
  it.each(['http', 'tcp', 'grpc'] as const)(
    'by %s makes an instance DOWN while it fails, and UP again',
    async (type) => {
      const adapter = await openAdapter({
        addresses: [address],
        check: { type, intervalMs: 1_000, path: '/up' },
      });
      expect(adapter.capabilities).toMatchObject({ liveness: 'probe', crashSlackMs: 666_000 });
      const asked: (string | undefined)[] = [];
      const serve = type === 'grpc' ? serveGrpc : (port: number) => serveHttp(port, (url) => asked.push(url));
      const { port, stop } = await serve(0);
      const service = `probed-${type}`;
      const lease = await adapter.register(instance(service, 'a', { host: '127.0.0.1', port }), {
        ttlMs,
        ...soon(),
      });
      const follower = follow(adapter, service);
      const tells = (status: string) =>
        vi.waitFor(() => expect(follower.known.get('a')?.status).toBe(status), untilTold);
      await tells('UP');
      stop();
      await tells('DOWN');
      await serve(port);
      await tells('UP');
      if (type === 'http') expect(new Set(asked)).toEqual(new Set(['/up']));
      await lease.renew?.(soon());
      await operator.removeFromAgent(instance(service, 'a'));
      await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    },
  );
});

describe('an agent', { timeout: 60_000 }, () => {
  it('that is started again has the entries and their leases still; empty, it says that they are lost', async () => {
    const own = await startRegistry('consul', { own: true });
    onTestFinished(() => own.stop());
    const adapter = await openAdapter({ addresses: [...own.endpoints] });
    const lease = await adapter.register(instance('kept', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'kept');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await own.nodes[0]?.restart();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    await lease.renew?.(soon());
    expect((await adapter.discover(keyOf('kept'), soon())).instances).toHaveLength(1);
    await own.restart({ wipe: true });
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const next = follow(adapter, 'kept');
    await vi.waitFor(() => expect(next.events).toMatchObject([{ kind: 'list', instances: [] }]));
    await adapter.register(instance('kept', 'a'), { ttlMs, ...soon() });
    await vi.waitFor(() => expect(next.known.size).toBe(1));
  });

  it('that can’t be reached ends the watch at once; one that says nothing, within 15 s', async () => {
    const proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(address).port) });
    onTestFinished(() => proxy.stop());
    const adapter = await openAdapter({ addresses: [`http://127.0.0.1:${proxy.port}`] });
    await adapter.register(instance('cut', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'cut');
    await vi.waitFor(() => expect(follower.known.size).toBe(1));
    await proxy.cut();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    await expect(adapter.discover(keyOf('cut'), soon())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await proxy.restore();
    const next = follow(adapter, 'cut');
    await vi.waitFor(() => expect(next.known.size).toBe(1));
    proxy.blackhole();
    const since = performance.now();
    expect(await next.ended).toMatchObject({ code: 'UNAVAILABLE' });
    expect(performance.now() - since).toBeLessThan(15_000);
    await expect(adapter.discover(keyOf('cut'), soon(200))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });
});
