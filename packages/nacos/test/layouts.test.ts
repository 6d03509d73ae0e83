import { defineInstance, type InstanceSpec, overridden, sameInstance } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { overlayOf, withSince, withTtl } from '../src/layouts/entry.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';
import { springLayout } from '../src/layouts/spring.ts';
import { ServiceList } from '../src/service-list.ts';
import { readWireInstance, type WireInstance } from '../src/wire-instance.ts';

const key = { namespace: 'default', service: 'orders' };
const bare: InstanceSpec = { service: 'orders', host: '10.0.0.7', port: 8080 };
const full: InstanceSpec = {
  ...bare,
  id: 'a/b',
  scheme: 'https',
  status: 'STARTING',
  weight: 2.5,
  version: '1.2.3',
  zone: 'eu-1a',
  tags: ['canary', 'a,b'],
  metadata: {
    team: 'accounts',
    kind: 'mine',
    version: 'mine',
    secure: 'mine',
    'preserved.register.source': 'mine',
    'preserved.ip.delete.timeout': 'mine',
    'rollcall.id': 'mine',
    'rollcall.since': 'mine',
    'rollcall.metadata.x': 'mine',
    constructor: 'x',
  },
  endpoints: ['grpc://10.0.0.7:9000'],
};

const layouts = { rollcall: rollcallLayout, spring: springLayout, kratos: kratosLayout };

describe.each(Object.entries(layouts))('%s', (_name, layout) => {
  /** Through JSON, as it comes back from Nacos. */
  const roundTrip = (spec: InstanceSpec) => {
    const entry = { ...layout.encode(defineInstance(spec)), clusterName: 'DEFAULT' };
    const listed = JSON.stringify(withTtl(withSince(entry, Date.now(), Date.now()), 9_000));
    return layout.decode(readWireInstance(JSON.parse(listed)), key);
  };

  it.each([
    bare,
    full,
    { ...bare, scheme: 'grpc' },
    { ...bare, host: '2001:db8::7', weight: 0 },
    { ...bare, status: 'OUT_OF_SERVICE', weight: 0 },
    { ...bare, status: 'OUT_OF_SERVICE', weight: 7 },
    { ...bare, status: 'DOWN' },
    { ...bare, status: 'UNKNOWN' },
    { ...bare, weight: 1_000_000 },
    { ...bare, weight: 0.000_001 },
    { ...bare, weight: 0.07 },
    { ...bare, weight: 99.5 },
    { ...bare, metadata: JSON.parse('{"__proto__":"x"}') as Record<string, string> },
  ] satisfies InstanceSpec[])('every field comes back as it was written (%#)', (spec) => {
    const instance = defineInstance(spec);
    const back = roundTrip(spec);
    expect(back).toEqual(instance);
    expect(sameInstance(back, instance)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['no object', 7],
    ['null', null],
    ['a list', []],
    ['no address', {}],
    ['a port that is none', { ip: '10.0.0.7', port: 99_999 }],
    ['an address that is none', { ip: '', port: 1 }],
    ['metadata that is none', { ip: '10.0.0.7', port: 1, metadata: 'x' }],
    ['metadata of numbers', { ip: '10.0.0.7', port: 1, metadata: { x: 1 } }],
    ['a weight that is none', { ip: '10.0.0.7', port: 1, weight: 'x' }],
    ['a weight below nothing', { ip: '10.0.0.7', port: 1, weight: -1 }],
    ['an id that is none', { ip: '10.0.0.7', port: 1, metadata: { 'rollcall.id': '' } }],
  ])('%s is refused, and hides no other', (_what, raw) => {
    const good = { ip: '10.0.0.9', port: 9, weight: 1, healthy: true, metadata: {} };
    const { instances, skipped } = new ServiceList(layout, key).read([raw, good]);
    expect(instances.map(({ id }) => id)).toEqual(['10.0.0.9:9']);
    expect(skipped).toHaveLength(1);
  });
});

describe('what others write', () => {
  const entry = {
    port: 8080,
    weight: 1,
    healthy: true,
    enabled: true,
    ephemeral: true,
    clusterName: 'DEFAULT',
  };

  it('Spring Cloud Alibaba', () => {
    const metadata = { 'preserved.register.source': 'SPRING_CLOUD', secure: 'true', team: 'x' };
    const { instances } = new ServiceList(springLayout, key).read([{ ...entry, ip: '10.0.0.7', metadata }]);
    expect(instances).toEqual([defineInstance({ ...bare, scheme: 'https', metadata: { team: 'x' } })]);
    const written = springLayout.encode(defineInstance({ ...bare, scheme: 'https' }));
    expect(written.metadata).toEqual({ 'preserved.register.source': 'SPRING_CLOUD', secure: 'true' });
  });

  it('Kratos', () => {
    const metadata = { kind: 'grpc', version: 'v1', team: 'x' };
    const raw = { ...entry, ip: '10.0.0.7', weight: 100, metadata };
    const { instances } = new ServiceList(kratosLayout, key).read([raw]);
    const instance = defineInstance({ ...bare, scheme: 'grpc', version: 'v1', metadata: { team: 'x' } });
    expect(instances).toEqual([instance]);
    expect(kratosLayout.encode(instance)).toEqual({
      ip: '10.0.0.7',
      port: 8080,
      weight: 100,
      healthy: true,
      metadata,
    });
  });

  it('who is not healthy is DOWN', () => {
    const raw = { ...entry, ip: '10.0.0.7', healthy: false, metadata: null };
    expect(new ServiceList(rollcallLayout, key).read([raw]).instances).toMatchObject([{ status: 'DOWN' }]);
  });
});

describe('names', () => {
  it('are encoded in Rollcall’s layout, and plain in the others, or refused', () => {
    expect(rollcallLayout.serviceName('a b@@c/ü')).toBe('a%20b%40%40c%2F%C3%BC');
    expect(rollcallLayout.serviceOf('a%20b')).toBe('a b');
    expect(rollcallLayout.serviceOf('a b')).toBeUndefined();
    expect(springLayout.serviceName('orders.grpc')).toBe('orders.grpc');
    for (const name of ['a b', 'a@@b', '@a', 'ü'])
      expect(() => kratosLayout.serviceName(name)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
  });
});

describe('a list that comes again', () => {
  const wire = (port: number, more: object = {}) => ({
    ip: '10.0.0.7',
    port,
    weight: 1,
    healthy: true,
    clusterName: 'DEFAULT',
    metadata: {},
    ...more,
  });

  it('keeps what it read of what says the same', () => {
    const list = new ServiceList(rollcallLayout, key);
    const [one, two] = list.read([wire(1), wire(2)]).instances;
    const again = list.read([wire(2, { weight: 5 }), wire(1), wire(3)]).instances;
    expect(again.map(({ port }) => port)).toEqual([2, 1, 3]);
    expect(again[1]).toBe(one);
    expect(again[0]).not.toBe(two);
    expect(again[0]?.weight).toBe(5);
  });

  it('keeps the reason of what it could not read', () => {
    const list = new ServiceList(rollcallLayout, key);
    const bad = wire(1, { metadata: { 'rollcall.tags': '7' } });
    const [skipped] = list.read([bad]).skipped;
    expect(skipped?.reason).toContain('tags');
    expect(list.read([bad, wire(2)])).toMatchObject({ instances: [{ port: 2 }], skipped: [{}] });
    expect(list.read([bad]).skipped[0]).toBe(skipped);
    expect(list.read([wire(1)])).toMatchObject({ instances: [{ port: 1 }], skipped: [] });
  });

  it('shows what an operator put over a write of the owner’s, until there is another write', () => {
    const key1 = { ...key, id: 'a' };
    const written = (writtenAt: number, weight: number) =>
      withSince(wire(1, { weight, metadata: { 'rollcall.id': 'a', team: 'x' } }), 1_000, writtenAt);
    const list = new ServiceList(rollcallLayout, key);
    const [own] = list.read([written(1, 2)]).instances;
    if (!own) throw new Error('it must be listed');
    const overlay = overlayOf(written(1, 2), overridden(own, { status: 'DOWN' }));
    // Nacos shows the overlay's weight and metadata in place of the owner's, whatever that one writes.
    const under = (entry: WireInstance): WireInstance => ({
      ...entry,
      weight: 0,
      metadata: { ...entry.metadata, ...overlay },
    });
    const seen = (entry: WireInstance) => list.read([entry]).instances;
    expect(seen(under(written(1, 2)))).toEqual([{ ...own, status: 'DOWN' }]);
    expect(seen(under(written(1, 2)))[0]).toMatchObject({ ...key1, weight: 2, metadata: { team: 'x' } });
    expect(seen(under(written(2, 5)))).toEqual([{ ...own, weight: 5 }]);
    // Another id at the same address, written in the same millisecond.
    const neighbour = withSince(wire(1, { weight: 3, metadata: { 'rollcall.id': 'b' } }), 1_000, 1);
    expect(seen(under(neighbour))).toMatchObject([{ id: 'b', status: 'UP', weight: 3 }]);
    const spoiled = under(written(1, 2));
    const torn = { ...spoiled, metadata: { ...spoiled.metadata, 'rollcall.override': '{' } };
    expect(seen(torn)).toEqual([own]);
  });

  it('has the younger of two with one id, in whatever order they come', () => {
    const [old, young] = [1_000, 2_000].map((since) =>
      withSince(wire(since, { metadata: { 'rollcall.id': 'a' } }), since, since),
    );
    for (const order of [
      [old, young],
      [young, old],
    ]) {
      const { instances } = new ServiceList(rollcallLayout, key).read(order);
      expect(instances.map(({ port }) => port)).toEqual([2_000]);
    }
  });
});
