import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import {
  type KratosInstance,
  type Peer,
  type SpringApplication,
  type SpringView,
  startKratos,
  startSpring,
} from '@rollcall-tools/peers';
import { type RunningConsul, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ConsulOptions } from '../src/index.ts';
import { follow, instance, openAdapter, soon } from './adapter-under-test.ts';

const ttlMs = 10_000;
/** Each change goes over two processes and a server; Kratos asks each second. */
const seen = { timeout: 10_000 };

let consul: RunningConsul;
let endpoint: string;
beforeAll(async () => {
  consul = await startRegistry('consul', { own: true });
  endpoint = consul.endpoints[0] ?? '';
});
afterAll(() => consul.stop());
const open = (layout: NonNullable<ConsulOptions['layout']>) => openAdapter({ addresses: [endpoint], layout });

describe('Kratos on Consul', { timeout: 60_000 }, () => {
  let kratos: Peer<KratosInstance, KratosInstance>;
  /** Kratos has Consul look whether the instance takes connections. */
  let listening: Server;
  let port: number;
  beforeAll(async () => {
    listening = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(listening, 'listening');
    ({ port } = listening.address() as AddressInfo);
    kratos = await startKratos('consul', endpoint);
  });
  afterAll(async () => {
    await kratos.stop();
    listening.close();
  });

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('kratos'), 'users');
    const given = {
      id: 'from-kratos',
      name: 'users',
      version: 'v1',
      metadata: { team: 'blue' },
      endpoints: [`grpc://127.0.0.1:${port}`],
    };
    await kratos.register(given);
    const found = instance('users', 'from-kratos', {
      host: '127.0.0.1',
      port,
      scheme: 'grpc',
      version: 'v1',
      metadata: { team: 'blue' },
    });
    // Its first look at the port is within ten seconds.
    await vi.waitFor(() => expect(follower.known.get('from-kratos')).toEqual(found), { timeout: 15_000 });
    await kratos.register({ ...given, metadata: { weight: '30' } });
    await vi.waitFor(() => expect(follower.known.get('from-kratos')).toMatchObject({ weight: 30 }), seen);
    await kratos.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open('kratos');
    const given = instance('carts', 'from-rollcall', {
      scheme: 'grpc',
      version: 'v2',
      metadata: { team: 'red' },
    });
    await adapter.register(given, { ttlMs, ...soon() });
    const told = await kratos.watch('carts');
    const found = {
      // Ids are one's own in the whole agent, so the service stands in them.
      id: 'carts~~from-rollcall',
      name: 'carts',
      version: 'v2',
      metadata: { team: 'red' },
      endpoints: ['grpc://10.0.0.7:8080'],
    };
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    expect(await kratos.list('carts')).toEqual([found]);
    await adapter.register({ ...given, weight: 7 }, { ttlMs, ...soon() });
    await vi.waitFor(
      () => expect(told.at(-1)).toEqual([{ ...found, metadata: { team: 'red', weight: '7' } }]),
      seen,
    );
    // Kratos' watch never tells of an empty list, so another one stays.
    const other = instance('carts', 'another', { scheme: 'grpc', host: '10.0.0.8' });
    await adapter.register(other, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toHaveLength(2), seen);
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)?.map(({ id }) => id)).toEqual(['carts~~another']), seen);
    await adapter.deregister(other, soon());
  });
});

describe('Spring Cloud on Consul', { timeout: 60_000 }, () => {
  let spring: Peer<SpringApplication, SpringView>;
  beforeAll(async () => {
    spring = await startSpring('consul', endpoint);
  });
  afterAll(() => spring.stop());

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('spring'), 'bills');
    const given = {
      key: 'a',
      properties: {
        'spring.application.name': 'bills',
        'spring.cloud.consul.discovery.instance-id': 'from-spring',
        'spring.cloud.consul.discovery.hostname': '10.0.0.9',
        'spring.cloud.consul.discovery.port': '9090',
        'spring.cloud.consul.discovery.instance-zone': 'eu-1a',
        'spring.cloud.consul.discovery.tags': 'canary',
        'spring.cloud.consul.discovery.metadata.team': 'accounts',
        'spring.cloud.consul.discovery.heartbeat.enabled': 'true',
      },
    };
    await spring.register(given);
    const found = instance('bills', 'from-spring', {
      host: '10.0.0.9',
      port: 9090,
      scheme: 'http',
      zone: 'eu-1a',
      tags: ['canary'],
      metadata: { team: 'accounts' },
    });
    await vi.waitFor(() => expect(follower.known.get('from-spring')).toEqual(found), seen);
    await spring.update({ key: 'a', status: 'OUT_OF_SERVICE' });
    await vi.waitFor(
      () => expect(follower.known.get('from-spring')).toEqual({ ...found, status: 'OUT_OF_SERVICE' }),
      seen,
    );
    await spring.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open('spring');
    const given = instance('parcels', 'from-rollcall', { zone: 'eu-1a', metadata: { team: 'red' } });
    await adapter.register(given, { ttlMs, ...soon() });
    const found = {
      service: 'parcels',
      id: 'parcels~~from-rollcall',
      host: '10.0.0.7',
      port: 8080,
      secure: false,
      url: 'http://10.0.0.7:8080',
      metadata: { team: 'red', zone: 'eu-1a', secure: 'false' },
    };
    await expect.poll(() => spring.list('parcels'), seen).toEqual([found]);
    await adapter.register({ ...given, scheme: 'https' }, { ttlMs, ...soon() });
    await expect
      .poll(() => spring.list('parcels'), seen)
      .toEqual([
        {
          ...found,
          secure: true,
          url: 'https://10.0.0.7:8080',
          metadata: { team: 'red', zone: 'eu-1a', secure: 'true' },
        },
      ]);
    await adapter.deregister(given, soon());
    await expect.poll(() => spring.list('parcels'), seen).toEqual([]);
  });
});
