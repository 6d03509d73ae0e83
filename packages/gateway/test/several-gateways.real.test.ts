import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry, type Registry, type ServiceInstance } from '@rollcall/core';
import { etcdAdapter } from '@rollcall/etcd';
import { gatewayAdapter } from '@rollcall/gateway-client';
import { startRegistry, type RunningEtcd } from '@rollcall-tools/registries';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEvents } from './support/event-reader.ts';
import { startGatewayProcess, type GatewayProcess } from './support/gateway-process.ts';

/** What an entry of a killed gateway outlives it by, in milliseconds. */
const TTL_MS = 6_000;

let etcd: RunningEtcd;
let folder = '';
let gateways: readonly [GatewayProcess, GatewayProcess];
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
  folder = await mkdtemp(join(tmpdir(), 'rollcall-gateways-'));
});
afterAll(async () => {
  await etcd.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  const options = {
    cwd: folder,
    // The load here comes from one address, as fast as it can.
    limits: { perAddress: false, perPrincipal: false },
    config: {
      registry: { type: 'etcd', options: { endpoints: [...etcd.endpoints] } },
      registration: { ttlMs: TTL_MS },
      log: { level: 'error' },
    },
  } as const;
  gateways = await Promise.all([
    startGatewayProcess({ ...options, name: 'one' }),
    startGatewayProcess({ ...options, name: 'two' }),
  ]);
});
afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.end('SIGKILL')));
  await etcd.etcdctl(['del', '', '--from-key=true']);
});

const soon = () => ({ signal: AbortSignal.timeout(10_000) });

/** What stands in etcd, marks and all. */
async function entriesOf(service: string): Promise<readonly ServiceInstance[]> {
  const adapter = etcdAdapter({ endpoints: [...etcd.endpoints] });
  try {
    await adapter.open(soon().signal);
    return (await adapter.discover({ namespace: 'default', service }, soon())).instances;
  } finally {
    await adapter.close();
  }
}

const keepersOf = async (service: string): Promise<readonly string[]> => {
  const keepers = (await entriesOf(service)).map(({ metadata }) => metadata?.['rollcall.gateway'] ?? '');
  return [...new Set(keepers.map((keeper) => keeper.split('-')[0] ?? ''))];
};

function client(urls: readonly string[]): Promise<Registry> {
  return createRegistry({
    cwd: folder,
    env: {},
    config: {
      registry: { type: 'gateway', options: { urls: [...urls] } },
      registration: { ttlMs: TTL_MS },
      log: { level: 'error' },
    },
  });
}

async function call(url: string, method: string, path: string, body?: object, headers = {}) {
  const response = await fetch(`${url}/v1/namespaces/default/services/${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

async function leaseAt(url: string): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${url}/v1/leases`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ttlMs: 60_000 }),
  });
  return { 'rollcall-lease': ((await response.json()) as { id: string }).id };
}

describe('two gateways in front of one etcd', () => {
  it('grant no longer a TTL than their entries have in etcd, so that clients beat in time when one dies', async () => {
    const response = await fetch(`${gateways[0].url}/v1/leases`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ttlMs: 60_000 }),
    });
    expect(await response.json()).toMatchObject({ ttlMs: TTL_MS });
  });

  it('are interchangeable: one is killed under load, and no lookup fails or misses an instance', async () => {
    const urls = gateways.map(({ url }) => url);
    const clients = await Promise.all(Array.from({ length: 4 }, () => client(urls)));
    const registrations = clients.flatMap((registry, c) =>
      Array.from({ length: 10 }, (_, i) =>
        registry.register({ service: 'users', id: `${c}-${i}`, host: `10.0.${c}.${i}`, port: 80 }),
      ),
    );
    await Promise.all(registrations.map((registration) => registration.listed()));
    expect(await keepersOf('users')).toEqual(['one']);

    const lookups = { made: 0, failed: [] as string[], short: [] as number[] };
    let isOver = false;
    const load = Array.from({ length: 6 }, async () => {
      const adapter = gatewayAdapter({ urls });
      await adapter.open(soon().signal);
      while (!isOver) {
        try {
          const { instances } = await adapter.discover({ namespace: 'default', service: 'users' }, soon());
          if (instances.length !== 40) lookups.short.push(instances.length);
        } catch (error) {
          lookups.failed.push(String(error));
        }
        lookups.made++;
      }
      await adapter.close();
    });
    await expect.poll(() => lookups.made, { timeout: 20_000 }).toBeGreaterThan(100);
    await gateways[0].end('SIGKILL');
    const killedAt = performance.now();
    const before = lookups.made;
    await expect.poll(() => keepersOf('users'), { timeout: 20_000, interval: 250 }).toEqual(['two']);
    // What the killed one had written and nobody took over would be gone by then.
    await expect
      .poll(() => performance.now() - killedAt, { timeout: 3 * TTL_MS, interval: 250 })
      .toBeGreaterThan(2 * TTL_MS);
    isOver = true;
    await Promise.all(load);
    expect(lookups.failed).toEqual([]);
    expect(lookups.short).toEqual([]);
    expect(lookups.made).toBeGreaterThan(before + 100);
    expect(registrations.map(({ state }) => state)).toEqual(registrations.map(() => 'registered'));
    await Promise.all(clients.map((registry) => registry.close()));
  });

  it('leave in order without taking off what their clients have registered', async () => {
    const urls = gateways.map(({ url }) => url);
    const registry = await client(urls);
    const registration = registry.register({ service: 'staying', id: 'a', host: '10.0.0.1', port: 80 });
    await registration.listed();
    const events = await readEvents(`${urls[1]}/v1/namespaces/default/services/staying/events`, {
      timeoutMs: 30_000,
    });
    expect(await events.next()).toMatchObject({ event: 'list', data: { instances: [{ id: 'a' }] } });
    await gateways[0].end('SIGTERM');
    await expect.poll(() => keepersOf('staying'), { timeout: 20_000, interval: 250 }).toEqual(['two']);
    const told = await events.next();
    expect(told).toMatchObject({ event: 'delta', data: { removed: [] } });
    await events.close();
    await registry.close();
  });

  it('let go of what the other has taken over, and tell its client', async () => {
    const [one, two] = gateways.map(({ url }) => url) as [string, string];
    const atOne = await leaseAt(one);
    const atTwo = await leaseAt(two);
    const spec = { host: '10.0.0.1', port: 80 };
    expect((await call(one, 'PUT', 'moving/instances/a', spec, atOne)).status).toBe(201);
    await expect.poll(async () => (await call(two, 'GET', 'moving/instances/a')).status).toBe(200);
    expect((await call(two, 'PUT', 'moving/instances/a', { ...spec, weight: 2 }, atTwo)).status).toBe(200);
    await expect
      .poll(
        async () => {
          const response = await fetch(`${one}/v1/leases/${atOne['rollcall-lease']}/renew`, {
            method: 'POST',
          });
          return response.status;
        },
        { timeout: 10_000 },
      )
      .toBe(404);
    // The end of the lease that it was under takes nothing off.
    await fetch(`${one}/v1/leases/${atOne['rollcall-lease']}`, { method: 'DELETE' });
    expect(await entriesOf('moving')).toMatchObject([{ id: 'a', weight: 2 }]);
    expect(await keepersOf('moving')).toEqual(['two']);
  });

  it('override and remove what the other keeps, and that lasts', async () => {
    const [one, two] = gateways.map(({ url }) => url) as [string, string];
    const atOne = await leaseAt(one);
    const spec = { host: '10.0.0.1', port: 80 };
    await call(one, 'PUT', 'shared/instances/a', spec, atOne);
    await expect.poll(async () => (await call(two, 'GET', 'shared/instances/a')).status).toBe(200);
    const drained = await call(two, 'PUT', 'shared/instances/a/override', { status: 'OUT_OF_SERVICE' });
    expect(drained).toMatchObject({ status: 200, body: { status: 'OUT_OF_SERVICE' } });
    // The keeper has taken it up once the entry says what was asked for.
    await expect
      .poll(async () => (await entriesOf('shared'))[0]?.metadata?.['rollcall.asked'], { timeout: 10_000 })
      .toBe('UP 1');
    expect(await call(one, 'PUT', 'shared/instances/a', { ...spec, weight: 3 }, atOne)).toMatchObject({
      status: 200,
      body: { status: 'OUT_OF_SERVICE', weight: 3 },
    });
    await expect
      .poll(async () => (await call(two, 'GET', 'shared/instances/a')).body)
      .toMatchObject({ weight: 3, status: 'OUT_OF_SERVICE' });
    await call(two, 'DELETE', 'shared/instances/a/override');
    await expect
      .poll(async () => (await call(one, 'GET', 'shared/instances/a')).body, { timeout: 10_000 })
      .toMatchObject({ status: 'UP', weight: 3 });
    expect((await call(two, 'DELETE', 'shared/instances/a')).status).toBe(204);
    await expect
      .poll(async () => (await call(one, 'GET', 'shared/instances/a')).status, { timeout: 10_000 })
      .toBe(404);
    expect(await entriesOf('shared')).toEqual([]);
  });
});
