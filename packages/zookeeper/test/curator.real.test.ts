import { type RunningZooKeeper, startRegistry } from '@rollcall-tools/registries';
import {
  type CuratorInstance,
  type CuratorView,
  type KratosInstance,
  type Peer,
  type SpringApplication,
  type SpringView,
  startCurator,
  startKratos,
  startSpring,
} from '@rollcall-tools/peers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ZooKeeperOptions } from '../src/index.ts';
import { follow, instance, openAdapter, soon } from './adapter-under-test.ts';

const ttlMs = 10_000;
/** Each change goes over two processes and a server. */
const seen = { timeout: 5_000 };

let zookeeper: RunningZooKeeper;
beforeAll(async () => {
  zookeeper = await startRegistry('zookeeper', { own: true });
});
afterAll(() => zookeeper.stop());
const open = (layout: NonNullable<ZooKeeperOptions['layout']>) =>
  openAdapter({ hosts: [...zookeeper.endpoints], layout });

describe('Curator', () => {
  let curator: Peer<CuratorInstance, CuratorView>;
  beforeAll(async () => {
    curator = await startCurator(zookeeper.endpoints[0] ?? '');
  });
  afterAll(() => curator.stop());

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('spring'), 'orders');
    const given = {
      name: 'orders',
      id: 'from-curator',
      address: '10.0.0.9',
      port: 9090,
      payload: { id: 'orders-1', name: 'orders', metadata: { instance_status: 'UP', team: 'accounts' } },
    };
    await curator.register(given);
    const found = instance('orders', 'from-curator', {
      host: '10.0.0.9',
      port: 9090,
      metadata: { team: 'accounts' },
    });
    await vi.waitFor(() => expect(follower.known.get('from-curator')).toEqual(found), seen);
    await curator.update({
      ...given,
      sslPort: 9443,
      payload: { ...given.payload, metadata: { instance_status: 'OUT_OF_SERVICE' } },
    });
    await vi.waitFor(
      () =>
        expect(follower.known.get('from-curator')).toMatchObject({
          status: 'OUT_OF_SERVICE',
          port: 9443,
          scheme: 'https',
        }),
      seen,
    );
    await curator.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open('spring');
    const told = await curator.watch('payments');
    const given = instance('payments', 'from-rollcall', { metadata: { team: 'red' } });
    await adapter.register(given, { ttlMs, ...soon() });
    const found = {
      name: 'payments',
      id: 'from-rollcall',
      address: '10.0.0.7',
      port: 8080,
      sslPort: null,
      enabled: true,
      type: 'DYNAMIC',
      url: 'http://10.0.0.7:8080',
      metadata: { team: 'red', instance_status: 'UP' },
    };
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    expect(await curator.list('payments')).toEqual([found]);
    await adapter.register({ ...given, scheme: 'https', status: 'OUT_OF_SERVICE' }, { ttlMs, ...soon() });
    await vi.waitFor(
      () =>
        expect(told.at(-1)).toEqual([
          {
            ...found,
            sslPort: 8080,
            url: 'https://10.0.0.7:8080',
            metadata: { team: 'red', instance_status: 'OUT_OF_SERVICE' },
          },
        ]),
      seen,
    );
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
  });
});

describe('Spring Cloud on ZooKeeper', () => {
  let spring: Peer<SpringApplication, SpringView>;
  beforeAll(async () => {
    spring = await startSpring('zookeeper', zookeeper.endpoints[0] ?? '');
  });
  afterAll(() => spring.stop());

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('spring'), 'bills');
    const given = {
      key: 'a',
      properties: {
        'spring.application.name': 'bills',
        'spring.cloud.zookeeper.discovery.instance-id': 'from-spring',
        'spring.cloud.zookeeper.discovery.instance-host': '10.0.0.9',
        'spring.cloud.zookeeper.discovery.instance-port': '9090',
        'spring.cloud.zookeeper.discovery.metadata.team': 'accounts',
        'spring.cloud.zookeeper.discovery.metadata.zone': 'eu-1a',
      },
    };
    await spring.register(given);
    const found = instance('bills', 'from-spring', {
      host: '10.0.0.9',
      port: 9090,
      zone: 'eu-1a',
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
      id: 'from-rollcall',
      host: '10.0.0.7',
      port: 8080,
      secure: false,
      url: 'http://10.0.0.7:8080',
      metadata: { team: 'red', zone: 'eu-1a', instance_status: 'UP' },
    };
    await expect.poll(() => spring.list('parcels'), seen).toEqual([found]);
    await adapter.register({ ...given, scheme: 'https' }, { ttlMs, ...soon() });
    await expect
      .poll(() => spring.list('parcels'), seen)
      .toEqual([{ ...found, secure: true, url: 'https://10.0.0.7:8080' }]);
    await adapter.deregister(given, soon());
    await expect.poll(() => spring.list('parcels'), seen).toEqual([]);
  });
});

describe('Kratos on ZooKeeper', () => {
  let kratos: Peer<KratosInstance, KratosInstance>;
  beforeAll(async () => {
    kratos = await startKratos('zookeeper', zookeeper.endpoints[0] ?? '');
  });
  afterAll(() => kratos.stop());

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('kratos'), 'users');
    const given = {
      id: 'from-kratos',
      name: 'users',
      version: 'v1',
      metadata: null,
      endpoints: ['grpc://10.0.0.9:9000'],
    };
    await kratos.register(given);
    const found = instance('users', 'from-kratos', {
      host: '10.0.0.9',
      port: 9000,
      scheme: 'grpc',
      version: 'v1',
    });
    await vi.waitFor(() => expect(follower.known.get('from-kratos')).toEqual(found), seen);
    await kratos.register({ ...given, metadata: { weight: '30' } });
    await vi.waitFor(() => expect(follower.known.get('from-kratos')).toEqual({ ...found, weight: 30 }), seen);
    await kratos.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open('kratos');
    const given = instance('carts', 'from-rollcall', { scheme: 'grpc', weight: 5 });
    await adapter.register(given, { ttlMs, ...soon() });
    const found = {
      id: 'from-rollcall',
      name: 'carts',
      version: '',
      metadata: { weight: '5' },
      endpoints: ['grpc://10.0.0.7:8080'],
    };
    // Its watch looks for instances that come and go, not for those that change; and it can't begin before the first.
    const told = await kratos.watch('carts');
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    const other = instance('carts', 'another', { host: '10.0.0.8', scheme: 'grpc' });
    await adapter.register(other, { ttlMs, ...soon() });
    await vi.waitFor(
      () =>
        expect(
          told
            .at(-1)
            ?.map(({ id }) => id)
            .toSorted(),
        ).toEqual(['another', 'from-rollcall']),
      seen,
    );
    await adapter.register({ ...given, weight: 7 }, { ttlMs, ...soon() });
    await expect
      .poll(async () => (await kratos.list('carts')).find(({ id }) => id === given.id)?.metadata, seen)
      .toEqual({ weight: '7' });
    await adapter.deregister(other, soon());
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
  });
});
