import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { defineAdapter, MemoryStore, memoryAdapter, type RegistryAdapter } from '@rollcall/core';
import { alteredAdapter } from '@rollcall/core/testing';
import { z } from 'zod';
import { describe, expect, it, vi } from 'vitest';
import { measuredAdapter, tracedAdapter } from '../src/index.ts';
import { list, startMetrics, startRegistry, startTracing } from './stage.ts';

describe('a traced adapter', () => {
  it('has a CLIENT span for each call to the registry', async () => {
    const { finished } = startTracing();
    const adapter = tracedAdapter(memoryAdapter({ store: new MemoryStore() }));
    const { registry } = await startRegistry({ adapter });
    await list(registry, 'a', 1);
    await registry.services();
    await registry.registrations[0]?.deregister();
    const names = finished().map(({ name }) => name);
    for (const name of ['register', 'listServices', 'deregister', 'discover'])
      expect(names).toContain(`rollcall.${name}`);
    expect(finished()[0]).toMatchObject({
      name: 'rollcall.register',
      kind: SpanKind.CLIENT,
      attributes: {
        'rollcall.registry.type': 'memory',
        'rollcall.registry.operation': 'register',
        'rollcall.namespace': 'default',
        'rollcall.service': 'user-service',
        'rollcall.instance.id': 'a',
      },
    });
  });

  it('is the child of the span in which the registry is asked', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry({
      adapter: tracedAdapter(memoryAdapter({ store: new MemoryStore() })),
    });
    await trace.getTracer('test').startActiveSpan('parent', async (span) => {
      await registry.services();
      span.end();
    });
    const [call, parent] = finished();
    expect(call?.name).toBe('rollcall.listServices');
    expect(call?.parentSpanContext?.spanId).toBe(parent?.spanContext().spanId);
  });

  it('tells the error of a call that fails, and lets it through', async () => {
    const { finished } = startTracing();
    const store = new MemoryStore();
    const { registry } = await startRegistry({ adapter: tracedAdapter(memoryAdapter({ store })) });
    await registry.services();
    store.setOutage(true);
    await expect(registry.services()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(finished().at(-1)).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'UNAVAILABLE' },
      events: [{ name: 'exception', attributes: { 'exception.type': 'UNAVAILABLE' } }],
    });
  });

  it('has a span for each beat, one for all registrations of a lease', async () => {
    const { finished } = startTracing();
    const { registry } = await startRegistry({
      adapter: tracedAdapter(memoryAdapter({ store: new MemoryStore() })),
      config: { log: { level: 'silent' }, registration: { ttlMs: 1_000 } },
    });
    await list(registry, 'a', 1);
    await list(registry, 'b', 2);
    const beats = () => finished().filter(({ name }) => name === 'rollcall.renew');
    await vi.waitFor(() => expect(beats()).toHaveLength(1), { timeout: 5_000 });
  });

  it('has no spans of operations that are left out', async () => {
    const { finished } = startTracing();
    const adapter = memoryAdapter({ store: new MemoryStore() });
    const { registry } = await startRegistry({ adapter: tracedAdapter(adapter, { without: ['register'] }) });
    await list(registry, 'a', 1);
    await registry.services();
    expect(finished().map(({ name }) => name)).toEqual(['rollcall.listServices']);
  });

  it('of a definition takes its options from the configuration', async () => {
    const { finished } = startTracing();
    const definition = defineAdapter({
      type: 'mine',
      options: z.strictObject({ word: z.string() }),
      create: ({ word }) => alteredAdapter(memoryAdapter({ store: new MemoryStore() }), { type: word }),
    });
    const { registry } = await startRegistry({
      adapter: tracedAdapter(definition),
      config: { log: { level: 'silent' }, registry: { options: { word: 'hello' } } },
    });
    expect(registry.type).toBe('hello');
    await registry.services();
    expect(finished()).toHaveLength(1);
  });

  it('watches and can do what the adapter can', async () => {
    const { finished } = startTracing();
    const inner = memoryAdapter({ store: new MemoryStore() });
    expect(tracedAdapter(inner).capabilities).toBe(inner.capabilities);
    expect('watchServices' in tracedAdapter(inner)).toBe('watchServices' in inner);
    const { registry } = await startRegistry({ adapter: tracedAdapter(inner) });
    const view = registry.service('user-service');
    await vi.waitFor(() => expect(view.status).toBe('live'));
    await list(registry, 'a', 1);
    await vi.waitFor(() => expect(view.snapshot?.instances).toHaveLength(1));
    // It came by the watch, which has no span.
    expect(finished().map(({ name }) => name)).not.toContain('rollcall.discover');
  });

  it('has a span for an override, too, where the adapter can do that', async () => {
    const { finished } = startTracing();
    const key = { namespace: 'default', service: 'user-service', id: 'a' };
    const inner = memoryAdapter({ store: new MemoryStore() });
    const overridden: unknown[] = [];
    const adapter = tracedAdapter(
      alteredAdapter(inner, {
        override: (...change) => {
          overridden.push(change);
          return Promise.resolve();
        },
      }),
    );
    const { signal } = new AbortController();
    await adapter.override?.(key, { weight: 3 }, { signal });
    expect(overridden).toEqual([[key, { weight: 3 }, { signal }]]);
    expect(finished()).toMatchObject([
      {
        name: 'rollcall.override',
        attributes: { 'rollcall.service': 'user-service', 'rollcall.instance.id': 'a' },
      },
    ]);
    expect('override' in tracedAdapter(inner)).toBe('override' in inner);
  });

  it('of one that can’t watch can’t either', () => {
    const inner = memoryAdapter({ store: new MemoryStore() });
    const without = Object.fromEntries(
      Object.entries(alteredAdapter(inner, {})).filter(([name]) => !name.startsWith('watch')),
    ) as unknown as RegistryAdapter;
    expect(tracedAdapter(without)).not.toHaveProperty('watch');
    expect(tracedAdapter(without)).not.toHaveProperty('watchServices');
  });
});

describe('a measured adapter', () => {
  it('counts and times calls to the registry, by operation and by why they failed', async () => {
    const { meter, collect } = startMetrics();
    const store = new MemoryStore();
    const adapter = measuredAdapter(memoryAdapter({ store }), { meter });
    const { registry } = await startRegistry({ adapter });
    await registry.services();
    await registry.services();
    store.setOutage(true);
    await expect(registry.services()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const labels = 'rollcall.registry.operation=listServices rollcall.registry.type=memory';
    expect((await collect())['rollcall.registry.request.duration']).toEqual({
      [labels]: 2,
      [`error.type=UNAVAILABLE ${labels}`]: 1,
    });
  });
});
