import { type RegistryAdapter, systemClock } from '@rollcall/core';
import { type RunningEureka, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { eurekaAdapter } from '../src/index.ts';
import { follow, instance, keyOf, LAYOUTS, openAdapter, soon } from './adapter-under-test.ts';
import { Operator } from './real-eureka.ts';
import { RecordingProxy } from './recording-proxy.ts';

const ttlMs = 10_000;
/** How long the server that is started here may take to show something. */
const shown = { timeout: 5_000 };

let eureka: RunningEureka;
let server: string;
let operator: Operator;
beforeAll(async () => {
  eureka = await startRegistry('eureka', { own: true });
  server = eureka.endpoints[0] ?? '';
  operator = new Operator(server);
});
afterAll(() => eureka.stop());

function placeOf(service: string, id: string, layout: keyof typeof LAYOUTS = 'rollcall') {
  const key = { ...keyOf(service), id };
  const { [layout]: written } = LAYOUTS;
  return { app: written.app(key), instanceId: written.instanceId(key) };
}

/** What the server itself knows, past its cache. */
async function standing(service: string, id: string): Promise<Record<string, unknown> | undefined> {
  return await operator.read(placeOf(service, id));
}

async function statusSeen(adapter: RegistryAdapter, service: string): Promise<string | undefined> {
  return (await adapter.discover(keyOf(service), soon())).instances[0]?.status;
}

describe('an entry', () => {
  it('is Eureka’s own form, in an app of Rollcall’s', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const whole = instance('plain', 'a/b', { weight: 5, zone: 'eu-1a', scheme: 'https' });
    await adapter.register(whole, { ttlMs, ...soon() });
    expect(await standing('plain', 'a/b')).toMatchObject({
      instanceId: 'ROLLCALL.DEFAULT.PLAIN:a_2Fb',
      app: 'ROLLCALL.DEFAULT.PLAIN',
      hostName: '10.0.0.7',
      status: 'UP',
      securePort: { $: 8080, '@enabled': 'true' },
      metadata: { zone: 'eu-1a', 'rollcall.weight': '5' },
      leaseInfo: { durationInSecs: 5 },
    });
  });

  it('is replaced by one who registers later, though his clock is an hour behind', async () => {
    const slow = { ...systemClock, wallNow: () => Date.now() - 3_600_000 };
    const [first, second] = [
      await openAdapter({ servers: [server] }),
      eurekaAdapter({ servers: [server] }, { clock: slow }),
    ];
    onTestFinished(() => second.close());
    await second.open(soon().signal);
    await first.register(instance('late', 'a', { weight: 1 }), { ttlMs, ...soon() });
    await second.register(instance('late', 'a', { weight: 7 }), { ttlMs, ...soon() });
    expect(await standing('late', 'a')).toMatchObject({ metadata: { 'rollcall.weight': '7' } });
  });

  it('outlives its last beat by its TTL and leaves soon after, though Eureka counts the duration twice', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const isThere = async () => (await standing('short', 'a')) !== undefined;
    for (const isBeating of [false, true]) {
      const lease = await adapter.register(instance('short', 'a'), { ttlMs: 3_500, ...soon() });
      expect(lease.ttlMs).toBe(4_000);
      if (isBeating) await lease.renew?.(soon());
      const since = performance.now();
      await expect.poll(isThere, { timeout: 9_000, interval: 50 }).toBe(false);
      const livedMs = performance.now() - since;
      expect(livedMs).toBeGreaterThan(3_900);
      expect(livedMs).toBeLessThan(7_000);
    }
  }, 30_000);
});

describe('the status', () => {
  it('is the one that the instance says, whatever it said before', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const reader = await openAdapter({ servers: [server] });
    const follower = follow(reader, 'turns');
    const steps = [
      'UP',
      'OUT_OF_SERVICE',
      'UP',
      'STARTING',
      'OUT_OF_SERVICE',
      'DOWN',
      'UP',
      'UNKNOWN',
      'UP',
    ] as const;
    for (const status of steps) {
      await adapter.register(instance('turns', 'a', { status }), { ttlMs, ...soon() });
      expect(await standing('turns', 'a')).toMatchObject({
        status: status === 'UNKNOWN' ? 'DOWN' : status,
        overriddenStatus: 'UNKNOWN',
      });
      await expect.poll(() => follower.known.get('a')?.status, shown).toBe(status);
    }
  });

  it('that an operator sets is seen, holds over registrations, and ends with him', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const place = placeOf('operated', 'a');
    const lease = await adapter.register(instance('operated', 'a'), { ttlMs, ...soon() });
    const follower = follow(adapter, 'operated');
    await operator.setStatus(place, 'OUT_OF_SERVICE');
    await expect.poll(() => follower.known.get('a')?.status, shown).toBe('OUT_OF_SERVICE');
    await expect.poll(() => statusSeen(adapter, 'operated'), shown).toBe('OUT_OF_SERVICE');
    await lease.renew?.(soon());
    await adapter.register(instance('operated', 'a', { weight: 2 }), { ttlMs, ...soon() });
    await expect
      .poll(() => follower.known.get('a'), shown)
      .toMatchObject({
        status: 'OUT_OF_SERVICE',
        weight: 2,
      });
    // Eureka has forgotten what the instance itself said, and asks for it.
    await operator.removeStatus(place);
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await adapter.register(instance('operated', 'a'), { ttlMs, ...soon() });
    await expect.poll(() => follower.known.get('a')?.status, shown).toBe('UP');
  });

  it('OUT_OF_SERVICE of the instance’s own holds over an operator’s UP that was left behind', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const place = placeOf('drained', 'a');
    await adapter.register(instance('drained', 'a'), { ttlMs, ...soon() });
    await operator.setStatus(place, 'OUT_OF_SERVICE');
    await operator.setStatus(place, 'UP');
    expect(await operator.read(place)).toMatchObject({ overriddenStatus: 'UP' });
    await adapter.register(instance('drained', 'a', { status: 'OUT_OF_SERVICE' }), { ttlMs, ...soon() });
    expect(await operator.read(place)).toMatchObject({
      status: 'OUT_OF_SERVICE',
      overriddenStatus: 'UNKNOWN',
    });
    await adapter.register(instance('drained', 'a'), { ttlMs, ...soon() });
    expect(await operator.read(place)).toMatchObject({ status: 'UP' });
  });

  it('that Rollcall’s operator sets takes the place of one of Eureka’s own', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const place = placeOf('both', 'a');
    await adapter.register(instance('both', 'a', { weight: 2 }), { ttlMs, ...soon() });
    await operator.setStatus(place, 'OUT_OF_SERVICE');
    const key = { ...keyOf('both'), id: 'a' };
    await adapter.override(key, { weight: 5 }, soon());
    expect(await operator.read(place)).toMatchObject({
      status: 'OUT_OF_SERVICE',
      overriddenStatus: 'OUT_OF_SERVICE',
      metadata: { 'rollcall.weight': '5' },
    });
    await adapter.override(key, { status: 'UP' }, soon());
    expect(await operator.read(place)).toMatchObject({
      status: 'UP',
      overriddenStatus: 'UNKNOWN',
      metadata: { 'rollcall.weight': '5' },
    });
  });

  it('that an operator sets for one service is not that of another with the same id', async () => {
    const adapter = await openAdapter({ servers: [server] });
    for (const service of ['twin', 'other-twin'])
      await adapter.register(instance(service, 'a'), { ttlMs, ...soon() });
    await operator.setStatus(placeOf('twin', 'a'), 'OUT_OF_SERVICE');
    await adapter.register(instance('other-twin', 'a'), { ttlMs, ...soon() });
    expect(await standing('other-twin', 'a')).toMatchObject({ status: 'UP' });
  });
});

describe('a watch', () => {
  it('asks for changes alone: one request for all services, and all there is only once', async () => {
    const proxy = await RecordingProxy.start(server);
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [proxy.url] }),
    ];
    const services = ['first', 'second', 'third'];
    const followers = services.map((service) => follow(reader, service));
    await vi.waitFor(() => expect(followers.map(({ events }) => events.length)).toEqual([1, 1, 1]));
    for (const weight of [1, 2, 3]) {
      for (const service of services)
        await writer.register(instance(service, 'a', { weight }), { ttlMs, ...soon() });
      for (const { known } of followers) await expect.poll(() => known.get('a')?.weight, shown).toBe(weight);
    }
    await writer.deregister(instance('second', 'a'), soon());
    await expect.poll(() => followers.map(({ known }) => known.size), shown).toEqual([1, 0, 1]);
    expect(proxy.count('all')).toBe(1);
    expect(proxy.count('app')).toBe(3);
    expect(proxy.count('changes')).toBeGreaterThan(4);
    expect(followers.flatMap(({ events }) => events).filter(({ kind }) => kind === 'list')).toHaveLength(3);
  });

  it('that missed a change finds it by the counts, and reads all there is', async () => {
    const proxy = await RecordingProxy.start(server);
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [proxy.url] }),
    ];
    await writer.register(instance('missed', 'a'), { ttlMs, ...soon() });
    const follower = follow(reader, 'missed');
    await expect.poll(() => follower.known.size, shown).toBe(1);
    await expect.poll(() => proxy.count('changes'), shown).toBeGreaterThan(1);
    const before = proxy.count('all');
    // The changes are lost on the way; what they add up to isn't.
    proxy.alter((kind, text) => {
      if (kind !== 'changes') return undefined;
      const { applications } = JSON.parse(text) as { applications: object };
      return { text: JSON.stringify({ applications: { ...applications, application: [] } }) };
    });
    await writer.register(instance('missed', 'b'), { ttlMs, ...soon() });
    await expect.poll(() => [...follower.known.keys()].toSorted(), shown).toEqual(['a', 'b']);
    expect(proxy.count('all')).toBeGreaterThan(before);
    expect(follower.events.at(-1)?.kind).toBe('list');
  });

  it('of a server that tells no changes reads all each time', async () => {
    const proxy = await RecordingProxy.start(server);
    proxy.alter((kind) => (kind === 'changes' ? { status: 403, text: '' } : undefined));
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [proxy.url] }),
    ];
    const follower = follow(reader, 'whole');
    await expect.poll(() => follower.events.length, shown).toBe(1);
    await writer.register(instance('whole', 'a'), { ttlMs, ...soon() });
    await expect.poll(() => follower.known.size, shown).toBe(1);
    await writer.deregister(instance('whole', 'a'), soon());
    await expect.poll(() => follower.known.size, shown).toBe(0);
  });
});

describe('a service of Spring Cloud', () => {
  it('is found, with its name in small letters, and finds ours', async () => {
    const adapter = await openAdapter({ servers: [server], layout: 'spring' });
    await operator.post({
      app: 'BILLING-SERVICE',
      instanceId: 'box:billing-service:8080',
      hostName: 'box',
      vipAddress: 'billing-service',
      metadata: { 'management.port': '8081', zone: 'eu-1a' },
    });
    const { instances } = await adapter.discover(keyOf('billing-service'), soon());
    expect(instances).toEqual([
      instance('billing-service', 'box:billing-service:8080', {
        host: 'box',
        zone: 'eu-1a',
        metadata: { 'management.port': '8081' },
      }),
    ]);
    await expect.poll(() => adapter.listServices('default', soon()), shown).toContain('billing-service');
    await adapter.register(instance('users', '10.0.0.7:8080'), { ttlMs, ...soon() });
    expect(await operator.read(placeOf('users', '10.0.0.7:8080', 'spring'))).toMatchObject({
      app: 'USERS',
      vipAddress: 'users',
    });
  });
});

describe('an entry of another client', () => {
  it('that an operator changes keeps what only that client knows, and the terms of its lease', async () => {
    const adapter = await openAdapter({ servers: [server], layout: 'spring' });
    const place = placeOf('foreign', '10.0.0.9:8080', 'spring');
    const metadata = { 'management.port': '8081', 'rollcall.weight': '2', zone: 'eu-1a' };
    await operator.post({
      ...place,
      vipAddress: 'foreign',
      homePageUrl: 'http://10.0.0.9:8080/',
      healthCheckUrl: 'http://10.0.0.9:8080/health',
      leaseInfo: { renewalIntervalInSecs: 7, durationInSecs: 21 },
      metadata,
    });
    const key = { ...keyOf('foreign'), id: '10.0.0.9:8080' };
    const before = await operator.read(place);
    await adapter.override(key, { status: 'OUT_OF_SERVICE', weight: 1 }, soon());
    const { 'rollcall.weight': _weight, ...others } = metadata;
    expect(await operator.read(place)).toMatchObject({
      ...pick(before, ['hostName', 'ipAddr', 'port', 'vipAddress', 'homePageUrl', 'healthCheckUrl']),
      status: 'OUT_OF_SERVICE',
      metadata: others,
      leaseInfo: { renewalIntervalInSecs: 7, durationInSecs: 21 },
    });
    expect((await operator.read(place))?.['metadata']).not.toHaveProperty('rollcall.weight');
  });
});

function pick(all: Record<string, unknown> | undefined, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, all?.[name]]));
}

describe('a wrong path', () => {
  it('is an error that says what a URL must be, and not a service without instances', async () => {
    const adapter = eurekaAdapter({ servers: [new URL('/elsewhere', server).href] });
    await expect(adapter.open(soon().signal)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringContaining('such as http') as string,
    });
    await adapter.close();
  });
});

describe('a large service', () => {
  it('of 2 000 instances is told as a list, and of one that changed as one', async () => {
    const [writer, reader] = [
      await openAdapter({ servers: [server] }),
      await openAdapter({ servers: [server] }),
    ];
    for (let i = 0; i < 2_000; i += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          operator.post({ ...placeOf('many', `instance-${i + n}`), leaseInfo: { durationInSecs: 300 } }),
        ),
      );
    const follower = follow(reader, 'many');
    await expect.poll(() => follower.known.size, { timeout: 10_000 }).toBe(2_000);
    const told = follower.events.length;
    await writer.register(instance('many', 'instance-77', { weight: 2 }), { ttlMs, ...soon() });
    await expect.poll(() => follower.known.get('instance-77')?.weight, shown).toBe(2);
    const [change] = follower.events.slice(told);
    expect(change).toMatchObject({ kind: 'delta', removed: [], skipped: [] });
    expect(change?.kind === 'delta' && change.put.map(({ id }) => id)).toEqual(['instance-77']);
  }, 60_000);
});

describe('a server that was started again, and is empty', { timeout: 90_000 }, () => {
  it('ends the watch, refuses the beat, and lists the instance when it is registered again', async () => {
    const adapter = await openAdapter({ servers: [server] });
    const lease = await adapter.register(instance('again', 'a'), { ttlMs: 60_000, ...soon() });
    const follower = follow(adapter, 'again');
    await expect.poll(() => follower.known.size, shown).toBe(1);
    await eureka.restart();
    expect(await follower.ended).toMatchObject({ code: 'UNAVAILABLE' });
    expect(follower.known.size).toBe(1);
    await expect(lease.renew?.(soon())).rejects.toMatchObject({ code: 'LEASE_LOST' });
    await adapter.register(instance('again', 'a'), { ttlMs, ...soon() });
    const next = follow(adapter, 'again');
    await expect.poll(() => next.known.size, shown).toBe(1);
  });
});
