import { once } from 'node:events';
import { MemoryStore, memoryAdapter, type Registry } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { describe, expect, it, vi } from 'vitest';
import { instrument } from '../src/index.ts';
import { deadPort, fetchFor, list, serve, startMetrics, startRegistry } from './stage.ts';

/** The labels of `user-service` in the registry of these tests, with others in their places by the alphabet. */
const USERS = 'rollcall.namespace=default rollcall.registry.type=memory rollcall.service=user-service';

describe('the metrics of a list', () => {
  it('say how many instances there are, by status', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    instrument(registry, { meter });
    await list(registry, 'a', 1);
    await list(registry, 'b', 2);
    await list(registry, 'c', 3, { status: 'OUT_OF_SERVICE' });
    await registry.service('user-service').load();
    expect((await collect())['rollcall.instances']).toEqual({
      [`rollcall.instance.status=UP ${USERS}`]: 2,
      [`rollcall.instance.status=OUT_OF_SERVICE ${USERS}`]: 1,
    });
  });

  it('say 0 for a service of which nobody is up, so that an alarm can wait for it', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    instrument(registry, { meter });
    await registry.service('user-service').load();
    expect((await collect())['rollcall.instances']).toEqual({
      [`rollcall.instance.status=UP ${USERS}`]: 0,
    });
  });

  it('say nothing of instances that the registry has never told: an outage is no empty list', async () => {
    const { meter, collect } = startMetrics();
    const { registry, store } = await startRegistry();
    store.setOutage(true);
    instrument(registry, { meter });
    const view = registry.service('user-service');
    await vi.waitFor(() => expect(view.status).toBe('stale'));
    const metrics = await collect();
    expect(metrics['rollcall.instances'] ?? {}).toEqual({});
    expect(metrics['rollcall.list.age'] ?? {}).toEqual({});
    expect(metrics['rollcall.lists']).toEqual({ [listLabels('stale')]: 1 });
  });

  it('say whether it follows the registry, how old it is, and how often it ceased to', async () => {
    const { meter, collect } = startMetrics();
    const { registry, store } = await startRegistry();
    instrument(registry, { meter });
    await list(registry, 'a', 1);
    const view = registry.service('user-service');
    await view.load();
    await vi.waitFor(() => expect(view.status).toBe('live'));
    expect((await collect())['rollcall.lists']).toEqual({ [listLabels('live')]: 1 });
    store.setOutage(true);
    await vi.waitFor(() => expect(view.status).toBe('stale'));
    const metrics = await collect();
    expect(metrics['rollcall.lists']).toEqual({ [listLabels('live')]: 0, [listLabels('stale')]: 1 });
    expect(metrics['rollcall.list.outages']).toEqual({ [`error.type=UNAVAILABLE ${USERS}`]: 1 });
    expect(metrics['rollcall.instances']).toMatchObject({ [`rollcall.instance.status=UP ${USERS}`]: 1 });
    const age = metrics['rollcall.list.age']?.[USERS] ?? 0;
    await vi.waitFor(async () => {
      expect((await collect())['rollcall.list.age']?.[USERS]).toBeGreaterThan(age);
    });
  });

  it('count the lists that were read anew, as their watch had lost something', async () => {
    const { meter, collect } = startMetrics();
    const store = new MemoryStore();
    const inner = memoryAdapter({ store });
    const { registry } = await startRegistry({
      config: { log: { level: 'silent' }, discovery: { relistIntervalMs: 1_000 } },
      adapter: alteredAdapter(inner, {
        // Tells the first list and no change.
        watch: async function* (key, { signal }) {
          yield { kind: 'list', ...(await inner.discover(key, { signal })) };
          await once(signal, 'abort');
        },
      }),
    });
    instrument(registry, { meter });
    const view = registry.service('user-service');
    await vi.waitFor(() => expect(view.status).toBe('live'));
    await list(registry, 'a', 1);
    await vi.waitFor(async () => expect((await collect())['rollcall.list.resyncs']).toEqual({ [USERS]: 1 }), {
      timeout: 10_000,
    });
  });

  it('say 0 of what is gone, and don’t stand still at the last value', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    instrument(registry, { meter });
    await list(registry, 'a', 1, { status: 'DOWN' });
    const view = registry.service('user-service');
    await view.load();
    expect((await collect())['rollcall.instances']).toMatchObject({
      [`rollcall.instance.status=DOWN ${USERS}`]: 1,
    });
    await registry.registrations[0]?.deregister();
    await vi.waitFor(() => expect(view.snapshot?.instances).toEqual([]));
    const metrics = await collect();
    expect(metrics['rollcall.instances']).toMatchObject({ [`rollcall.instance.status=DOWN ${USERS}`]: 0 });
    expect(metrics['rollcall.registrations']).toEqual({ [stateLabels('registered')]: 0 });
  });

  it('never name an instance, and go by service and namespace', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry({
      config: { access: { namespaces: { staging: { mode: 'open' } } } },
    });
    instrument(registry, { meter });
    await list(registry, 'secret-id', 1, { namespace: 'staging' });
    await registry.service('user-service', 'staging').load();
    const metrics = JSON.stringify(await collect());
    expect(metrics).toContain('rollcall.namespace=staging');
    expect(metrics).not.toContain('secret-id');
  });
});

describe('lookups', () => {
  it('are counted by service, and go on from where they were when a list is followed anew', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry({
      config: { log: { level: 'silent' }, discovery: { idleMs: 1_000 } },
    });
    instrument(registry, { meter });
    await list(registry, 'a', 1);
    const view = registry.service('user-service');
    await view.load();
    void view.snapshot;
    const lookups = async () => (await collect())['rollcall.lookups'];
    expect(await lookups()).toEqual({ [USERS]: 3 });
    await vi.waitFor(() => expect(registry.followed).toEqual([]), { timeout: 10_000 });
    expect(await lookups()).toEqual({ [USERS]: 3 });
    void view.snapshot;
    expect(await lookups()).toEqual({ [USERS]: 5 });
    // Let go and followed anew between two looks.
    await vi.waitFor(() => expect(registry.followed).toEqual([]), { timeout: 10_000 });
    void view.snapshot;
    expect(await lookups()).toEqual({ [USERS]: 7 });
  });
});

describe('the metrics of registrations', () => {
  it('say how many stand in which state', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    instrument(registry, { meter });
    await list(registry, 'a', 1);
    registry.register({ service: 'user-service', id: 'b', host: '127.0.0.1', port: 2 }, { ready: never });
    expect((await collect())['rollcall.registrations']).toEqual({
      [stateLabels('registered')]: 1,
      [stateLabels('waiting')]: 1,
    });
  });

  it('count those that were lost, and those that are listed again', async () => {
    const { meter, collect } = startMetrics();
    const { registry, store } = await startRegistry({
      config: {
        log: { level: 'silent' },
        backoff: { baseMs: 1, capMs: 10 },
        registration: { ttlMs: 1_000, verifyIntervalMs: 100 },
      },
    });
    instrument(registry, { meter });
    await list(registry, 'a', 1);
    store.expireLeases();
    await vi.waitFor(
      async () => {
        expect(await collect()).toMatchObject({
          'rollcall.registration.losses': { [USERS]: 1 },
          'rollcall.registration.restorations': { [USERS]: 1 },
        });
      },
      { timeout: 10_000 },
    );
  });

  it('count attempts that failed, by why', async () => {
    const { meter, collect } = startMetrics();
    const { registry, store } = await startRegistry();
    store.setOutage(true);
    instrument(registry, { meter });
    registry.register({ service: 'user-service', id: 'a', host: '127.0.0.1', port: 1 });
    await vi.waitFor(async () => {
      const failures = (await collect())['rollcall.registration.failures'];
      expect(failures?.[`error.type=UNAVAILABLE ${USERS}`]).toBeGreaterThan(0);
    });
  });
});

describe('the metrics of a balancer', () => {
  it('say how many instances are ejected, and how many calls are under way', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    let answer: (() => void) | undefined;
    await serve(registry, 'a', (_request, response) => (answer = () => response.end()));
    await list(registry, 'b', await deadPort());
    const fetch = fetchFor(registry, {});
    instrument(registry, { meter, balancerOf: ({ service }) => fetch.dispatcher.balancerOf(service) });
    await registry.service('user-service').load();
    const call = fetch('http://user-service/');
    await vi.waitFor(() => expect(answer).toBeDefined());
    fetch.dispatcher
      .balancerOf('user-service')
      ?.setHealth({ namespace: 'default', service: 'user-service', id: 'b' }, false);
    await vi.waitFor(async () => {
      expect(await collect()).toMatchObject({
        'rollcall.balancer.ejected': { [USERS]: 1 },
        'rollcall.balancer.running': { [USERS]: 1 },
        'rollcall.balancer.panic': { [USERS]: 0 },
      });
    });
    answer?.();
    await (await call).text();
    expect((await collect())['rollcall.balancer.running']).toEqual({ [USERS]: 0 });
  });
});

describe('picks and ejections', () => {
  it('are counted by service, and don’t fall when an instance is well again', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    await serve(registry, 'a', (_request, response) => response.writeHead(500).end());
    await serve(registry, 'b', (_request, response) => response.end());
    const fetch = fetchFor(registry, {
      balancer: { policy: 'round-robin', ejection: { consecutiveFailures: 2, baseMs: 60_000 } },
    });
    instrument(registry, { meter, balancerOf: ({ service }) => fetch.dispatcher.balancerOf(service) });
    await registry.service('user-service').load();
    for (let i = 0; i < 10; i++) await (await fetch('http://user-service/')).text();
    const told = {
      'rollcall.balancer.picks': { [USERS]: 10 },
      'rollcall.balancer.ejections': { [USERS]: 1 },
    };
    expect(await collect()).toMatchObject({ ...told, 'rollcall.balancer.ejected': { [USERS]: 1 } });
    fetch.dispatcher
      .balancerOf('user-service')
      ?.setHealth({ namespace: 'default', service: 'user-service', id: 'a' }, true);
    expect(await collect()).toMatchObject({ ...told, 'rollcall.balancer.ejected': { [USERS]: 0 } });
  });
});

describe('the number of labels', () => {
  it('is bounded: services beyond the first are one, `other`, with their sum', async () => {
    const { meter, collect } = startMetrics();
    const { registry } = await startRegistry();
    instrument(registry, { meter, maxServices: 1 });
    await follow(registry, 'one');
    // The first that is seen keeps its name.
    await collect();
    await follow(registry, 'two');
    await follow(registry, 'three');
    const OTHER = 'rollcall.namespace=other rollcall.registry.type=memory rollcall.service=other';
    const ONE = 'rollcall.namespace=default rollcall.registry.type=memory rollcall.service=one';
    const metrics = await collect();
    expect(metrics['rollcall.instances']).toEqual({
      [`rollcall.instance.status=UP ${ONE}`]: 1,
      [`rollcall.instance.status=UP ${OTHER}`]: 2,
    });
    const live = 'rollcall.list.status=live';
    expect(metrics['rollcall.lists']).toEqual({ [`${live} ${ONE}`]: 1, [`${live} ${OTHER}`]: 2 });
  });

  it('can’t be bounded by nonsense', async () => {
    const { registry } = await startRegistry();
    expect(() => instrument(registry, { maxServices: -1 })).toThrow('maxServices');
  });
});

describe('the end of it', () => {
  it('leaves nothing that looks or counts', async () => {
    const { meter, collect } = startMetrics();
    const { registry, store } = await startRegistry();
    const stop = instrument(registry, { meter });
    const view = registry.service('user-service');
    await view.load();
    await vi.waitFor(() => expect(view.status).toBe('live'));
    const before = await collect();
    stop();
    await list(registry, 'a', 1);
    await vi.waitFor(() => expect(view.snapshot?.instances).toHaveLength(1));
    store.setOutage(true);
    await vi.waitFor(() => expect(view.status).toBe('stale'));
    expect(await collect()).toEqual(before);
  });
});

function listLabels(status: string): string {
  return `rollcall.list.status=${status} ${USERS}`;
}

function stateLabels(state: string): string {
  return `rollcall.namespace=default rollcall.registration.state=${state} rollcall.registry.type=memory rollcall.service=user-service`;
}

async function follow(registry: Registry, service: string): Promise<void> {
  await list(registry, 'a', 1, { service });
  await registry.service(service).load();
  await vi.waitFor(() => expect(registry.service(service).status).toBe('live'));
}

/** Isn't ready before the registry closes. */
function never(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('closed')), { once: true });
  });
}
