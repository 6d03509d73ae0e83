import { type RunningEtcd, startRegistry } from '@rollcall-tools/registries';
import {
  type KratosInstance,
  type NamedEndpoint,
  type Peer,
  type PublishedAddress,
  startGoZero,
  startGrpcNaming,
  startKratos,
} from '@rollcall-tools/peers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { emptyAfterEach, follow, instance, openAdapter, soon, ttlMs } from './real-etcd.ts';

const service = 'user-service';
/** Each change goes over two processes and a server. */
const seen = { timeout: 5_000 };

let etcd: RunningEtcd;
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
});
afterAll(() => etcd.stop());
emptyAfterEach(() => etcd);

describe('Kratos on etcd', () => {
  let kratos: Peer<KratosInstance, KratosInstance>;
  beforeAll(async () => {
    kratos = await startKratos('etcd', etcd.endpoints[0] ?? '');
  });
  afterAll(() => kratos.stop());
  const open = () => openAdapter({ endpoints: [...etcd.endpoints], layout: 'kratos' });

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open());
    const given = {
      id: 'from-kratos',
      name: service,
      version: 'v1',
      metadata: { team: 'blue' },
      endpoints: ['grpc://10.0.0.9:9000', 'http://10.0.0.9:8000'],
    };
    await kratos.register(given);
    const found = instance('from-kratos', {
      host: '10.0.0.9',
      port: 9000,
      scheme: 'grpc',
      version: 'v1',
      metadata: { team: 'blue' },
      endpoints: ['http://10.0.0.9:8000'],
    });
    await vi.waitFor(() => expect(follower.known.get('from-kratos')).toEqual(found), seen);
    await kratos.register({ ...given, metadata: { team: 'blue', weight: '30' } });
    await vi.waitFor(
      () =>
        expect(follower.known.get('from-kratos')).toMatchObject({ weight: 30, metadata: { team: 'blue' } }),
      seen,
    );
    await kratos.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open();
    const told = await kratos.watch(service);
    const given = instance('from-rollcall', {
      scheme: 'grpc',
      version: 'v2',
      metadata: { team: 'red' },
      endpoints: ['http://10.0.0.7:8000'],
    });
    await adapter.register(given, { ttlMs, ...soon() });
    const found = {
      id: 'from-rollcall',
      name: service,
      version: 'v2',
      metadata: { team: 'red' },
      endpoints: ['grpc://10.0.0.7:8080', 'http://10.0.0.7:8000'],
    };
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    expect(await kratos.list(service)).toEqual([found]);
    await adapter.register({ ...given, weight: 7 }, { ttlMs, ...soon() });
    await vi.waitFor(
      () => expect(told.at(-1)).toEqual([{ ...found, metadata: { team: 'red', weight: '7' } }]),
      seen,
    );
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
  });
});

describe('gRPC’s own naming on etcd', () => {
  let naming: Peer<NamedEndpoint, NamedEndpoint>;
  beforeAll(async () => {
    naming = await startGrpcNaming(etcd.endpoints[0] ?? '');
  });
  afterAll(() => naming.stop());
  const open = () => openAdapter({ endpoints: [...etcd.endpoints], layout: 'grpc-naming' });

  it('registers what Rollcall finds, follows and sees leave', async () => {
    const follower = follow(await open());
    const given = { service, addr: '10.0.0.9:9000', metadata: null };
    await naming.register(given);
    const found = instance(given.addr, { host: '10.0.0.9', port: 9000 });
    await vi.waitFor(() => expect(follower.known.get(given.addr)).toEqual(found), seen);
    await naming.register({ ...given, metadata: { shard: '3' } });
    await vi.waitFor(() => expect(follower.known.get(given.addr)?.metadata).toEqual({ shard: '3' }), seen);
    await naming.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, follows and sees leave what Rollcall registers', async () => {
    const adapter = await open();
    const told = await naming.watch(service);
    const given = instance('10.0.0.7:8080');
    await adapter.register(given, { ttlMs, ...soon() });
    const found = { service, addr: '10.0.0.7:8080', metadata: null };
    await vi.waitFor(() => expect(told.at(-1)).toEqual([found]), seen);
    expect(await naming.list(service)).toEqual([found]);
    await adapter.register({ ...given, weight: 7 }, { ttlMs, ...soon() });
    await vi.waitFor(
      () => expect(told.at(-1)).toEqual([{ ...found, metadata: { 'rollcall.weight': '7' } }]),
      seen,
    );
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
  });
});

describe('go-zero on etcd', () => {
  let goZero: Peer<PublishedAddress, string>;
  beforeAll(async () => {
    goZero = await startGoZero(etcd.endpoints[0] ?? '');
  });
  afterAll(() => goZero.stop());
  const open = () => openAdapter({ endpoints: [...etcd.endpoints], layout: 'go-zero' });

  it('registers what Rollcall finds, and sees leave', async () => {
    const follower = follow(await open());
    const given = { service, id: 42, addr: '10.0.0.9:8080' };
    await goZero.register(given);
    await vi.waitFor(
      () => expect(follower.known.get('42')).toEqual(instance('42', { host: '10.0.0.9' })),
      seen,
    );
    await goZero.deregister(given);
    await vi.waitFor(() => expect(follower.known.size).toBe(0), seen);
  });

  it('finds, and sees leave, what Rollcall registers', async () => {
    const adapter = await open();
    const told = await goZero.watch(service);
    const given = instance('a');
    await adapter.register(given, { ttlMs, ...soon() });
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['10.0.0.7:8080']), seen);
    await adapter.deregister(given, soon());
    await vi.waitFor(() => expect(told.at(-1)).toEqual([]), seen);
  });
});
