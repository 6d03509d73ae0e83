import {
  type KratosInstance,
  type Peer,
  type SpringApplication,
  type SpringView,
  startKratos,
  startSpring,
} from '@rollcall-tools/peers';
import { type RunningNacos, startRegistry } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { NacosOptions } from '../src/index.ts';
import { follow, instance, openAdapter, soon, ttlMs } from './real-nacos.ts';

/** Nacos gathers changes for half a second; Kratos' client asks every ten seconds where no push reaches it. */
const seen = { timeout: 20_000 };

let nacos: RunningNacos;
let endpoint: string;
beforeAll(async () => {
  nacos = await startRegistry('nacos', { own: true });
  endpoint = nacos.endpoints[0] ?? '';
});
afterAll(() => nacos.stop());
const open = (layout: NonNullable<NacosOptions['layout']>) => openAdapter({ servers: [endpoint], layout });

describe('Kratos on Nacos', { timeout: 90_000 }, () => {
  let kratos: Peer<KratosInstance, KratosInstance>;
  beforeAll(async () => {
    kratos = await startKratos('nacos', endpoint);
  });
  afterAll(() => kratos.stop());

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('kratos'), 'users.grpc');
    const given = {
      id: 'from-kratos',
      name: 'users',
      version: 'v1',
      metadata: { team: 'blue' },
      endpoints: ['grpc://10.0.0.9:9000'],
    };
    await kratos.register(given);
    const id = '10.0.0.9:9000';
    const found = instance('users.grpc', id, {
      host: '10.0.0.9',
      port: 9000,
      scheme: 'grpc',
      version: 'v1',
      metadata: { team: 'blue' },
    });
    await vi.waitFor(() => expect(follower.known.get(id)).toEqual(found), seen);
    await kratos.register({ ...given, version: 'v2' });
    await vi.waitFor(() => expect(follower.known.get(id)).toEqual({ ...found, version: 'v2' }), seen);
    await kratos.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open('kratos');
    const given = instance('carts.grpc', '10.0.0.7:8080', {
      scheme: 'grpc',
      version: 'v2',
      metadata: { team: 'red' },
    });
    await adapter.register(given, { ttlMs, ...soon() });
    const told = await kratos.watch('carts.grpc');
    const found = {
      version: 'v2',
      metadata: { team: 'red', kind: 'grpc', version: 'v2' },
      endpoints: ['grpc://10.0.0.7:8080'],
    };
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject([found]), seen);
    expect(await kratos.list('carts.grpc')).toMatchObject([found]);
    const changed = { ...given, metadata: { team: 'green' } };
    await adapter.register(changed, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject([{ metadata: { team: 'green' } }]), seen);
    // Kratos' watch never tells of an empty list, so another one stays.
    const other = instance('carts.grpc', '10.0.0.8:8080', { scheme: 'grpc', host: '10.0.0.8' });
    await adapter.register(other, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toHaveLength(2), seen);
    await adapter.deregister(given, soon());
    await vi.waitFor(
      () => expect(told.at(-1)?.map(({ endpoints }) => endpoints)).toEqual([['grpc://10.0.0.8:8080']]),
      seen,
    );
    await adapter.deregister(other, soon());
  });
});

describe('Spring Cloud Alibaba on Nacos', { timeout: 90_000 }, () => {
  let spring: Peer<SpringApplication, SpringView>;
  beforeAll(async () => {
    spring = await startSpring('nacos', endpoint, {
      // Spring would stay for ten seconds after it has left.
      'spring.cloud.nacos.discovery.graceful-shutdown-wait-time': '0',
    });
  });
  afterAll(() => spring.stop());

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open('spring'), 'bills');
    const given = {
      key: 'a',
      properties: {
        'spring.application.name': 'bills',
        'spring.cloud.nacos.discovery.ip': '10.0.0.9',
        'spring.cloud.nacos.discovery.port': '9090',
        'spring.cloud.nacos.discovery.weight': '2.5',
        'spring.cloud.nacos.discovery.secure': 'true',
        'spring.cloud.nacos.discovery.metadata.team': 'accounts',
      },
    };
    await spring.register(given);
    const id = '10.0.0.9:9090';
    const found = instance('bills', id, {
      host: '10.0.0.9',
      port: 9090,
      scheme: 'https',
      weight: 2.5,
      metadata: { team: 'accounts' },
    });
    await vi.waitFor(() => expect(follower.known.get(id)).toEqual(found), seen);
    await spring.update({ key: 'a', status: 'DOWN' });
    // Nacos lists no instance that is switched off.
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
    await spring.update({ key: 'a', status: 'UP' });
    await vi.waitFor(() => expect(follower.known.get(id)).toEqual(found), seen);
    await spring.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open('spring');
    const given = instance('parcels', '10.0.0.7:8080', { metadata: { team: 'red' } });
    await adapter.register(given, { ttlMs, ...soon() });
    const found = {
      service: 'parcels',
      host: '10.0.0.7',
      port: 8080,
      secure: false,
      url: 'http://10.0.0.7:8080',
      metadata: { team: 'red', 'nacos.weight': '1.0', 'nacos.healthy': 'true' },
    };
    await expect.poll(() => spring.list('parcels'), seen).toMatchObject([found]);
    await adapter.register({ ...given, scheme: 'https', weight: 5 }, { ttlMs, ...soon() });
    await expect
      .poll(() => spring.list('parcels'), seen)
      .toMatchObject([
        {
          ...found,
          secure: true,
          url: 'https://10.0.0.7:8080',
          metadata: { team: 'red', 'nacos.weight': '5.0', 'nacos.healthy': 'true' },
        },
      ]);
    await adapter.deregister(given, soon());
    await expect.poll(() => spring.list('parcels'), seen).toEqual([]);
  });
});
