import { defineInstance, type InstanceSpec, sameInstance, systemClock } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { kratosLayout } from '../src/layouts/kratos.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';
import { dubboLayout, springLayout } from '../src/layouts/curator.ts';

const bare: InstanceSpec = { service: 'orders', id: 'a', host: '10.0.0.7', port: 8080 };
const full: InstanceSpec = {
  ...bare,
  scheme: 'https',
  status: 'STARTING',
  weight: 2.5,
  version: '1.2.3',
  zone: 'eu-1a',
  tags: ['canary', 'a,b'],
  metadata: {
    team: 'accounts',
    instance_status: 'mine',
    zone: 'mine',
    'rollcall.zone': 'mine',
    __proto: 'x',
  },
  endpoints: ['grpc://10.0.0.7:9000'],
};

const spring = springLayout('/services', { ...systemClock, wallNow: () => 1_700_000_000_000 });
const layouts = { rollcall: rollcallLayout('/rollcall'), spring, kratos: kratosLayout('/microservices') };

describe.each(Object.entries(layouts))('%s', (_name, layout) => {
  it.each([bare, full, { ...bare, scheme: 'grpc' }, { ...bare, host: '2001:db8::7', weight: 0 }])(
    'every field comes back as it was written (%#)',
    (spec) => {
      const instance = defineInstance(spec);
      expect(sameInstance(layout.decode(layout.encode(instance), instance), instance)).toBe(true);
    },
  );

  it.each(['not json', '', 'null', '[]', '{"name":"orders","id":"a"}'])('%j is refused', (data) => {
    expect(() => layout.decode(data, defineInstance(bare))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});

describe('paths', () => {
  it('are Rollcall’s, encoded, or the plain names of the others', () => {
    const instance = defineInstance({ ...bare, id: 'a/b' });
    expect(layouts.rollcall.path(instance)).toBe('/rollcall/default/orders/a%2Fb');
    expect(spring.path(defineInstance(bare))).toBe('/services/orders/a');
    expect(() => spring.path(instance)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    for (const id of ['.', '..', 'a\u0085b', '\ue000'])
      expect(() => spring.path({ ...instance, id })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
  });
});

describe('dubbo', () => {
  const dubbo = dubboLayout('/services', systemClock);
  const given = defineInstance({
    ...bare,
    zone: 'eu',
    weight: 3,
    tags: ['a'],
    metadata: { 'dubbo.endpoints': '[]' },
  });

  it('writes what Dubbo reads: Curator’s entry with a payload of Dubbo’s class', () => {
    expect(JSON.parse(dubbo.encode(given))).toMatchObject({
      name: 'orders',
      id: 'a',
      payload: {
        '@class': 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance',
        metadata: { 'dubbo.endpoints': '[]', zone: 'eu' },
      },
    });
  });

  it('reads what it writes, and so does spring, and the other way round', () => {
    for (const writer of [dubbo, spring])
      for (const reader of [dubbo, spring]) expect(reader.decode(writer.encode(given), given)).toEqual(given);
  });
});

describe('spring', () => {
  it('writes what Curator and Spring read', () => {
    expect(JSON.parse(spring.encode(defineInstance({ ...bare, zone: 'eu' })))).toEqual({
      name: 'orders',
      id: 'a',
      address: '10.0.0.7',
      port: 8080,
      sslPort: null,
      payload: {
        '@class': 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance',
        id: 'a',
        name: 'orders',
        metadata: { zone: 'eu', instance_status: 'UP' },
      },
      registrationTimeUTC: 1_700_000_000_000,
      serviceType: 'DYNAMIC',
      uriSpec: {
        parts: [
          { value: 'scheme', variable: true },
          { value: '://', variable: false },
          { value: 'address', variable: true },
          { value: ':', variable: false },
          { value: 'port', variable: true },
        ],
      },
    });
  });

  it('reads an application of Dubbo, which registers by Curator too', () => {
    const entry = {
      name: 'orders',
      id: '10.0.0.7:20880',
      address: '10.0.0.7',
      port: 20_880,
      sslPort: null,
      payload: {
        '@class': 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance',
        id: '10.0.0.7:20880',
        name: 'orders',
        metadata: {
          'dubbo.endpoints': '[{"port":20880,"protocol":"dubbo"}]',
          'dubbo.metadata.storage-type': 'local',
        },
      },
      registrationTimeUTC: 1_700_000_000_000,
      serviceType: 'DYNAMIC',
      uriSpec: null,
    };
    const key = { namespace: 'default', service: 'orders', id: '10.0.0.7:20880' };
    expect(layouts.spring.decode(JSON.stringify(entry), key)).toEqual({
      ...key,
      host: '10.0.0.7',
      port: 20_880,
      status: 'UP',
      weight: 1,
      metadata: entry.payload.metadata,
    });
  });

  it('reads an entry of Curator alone, and one that is switched off', () => {
    const entry = { name: 'orders', id: 'a', address: '10.0.0.7', port: 8080, sslPort: null, payload: null };
    expect(spring.decode(JSON.stringify(entry), defineInstance(bare))).toEqual(defineInstance(bare));
    expect(spring.decode(JSON.stringify({ ...entry, enabled: false }), defineInstance(bare))).toMatchObject({
      status: 'OUT_OF_SERVICE',
    });
    expect(spring.decode(JSON.stringify({ ...entry, sslPort: 8443 }), defineInstance(bare))).toMatchObject({
      port: 8443,
      scheme: 'https',
    });
  });
});

describe('an entry of Curator that an operator changes', () => {
  const revise = (data: object, spec: Partial<InstanceSpec>) =>
    JSON.parse(spring.revise?.(JSON.stringify(data), defineInstance({ ...bare, ...spec })) ?? '') as Record<
      string,
      unknown
    >;
  const payload = {
    '@class': 'org.apache.dubbo.registry.zookeeper.ZookeeperInstance',
    id: 'a',
    name: 'orders',
  };
  const entry = {
    name: 'orders',
    id: 'a',
    address: '10.0.0.7',
    port: 8080,
    registrationTimeUTC: 1,
    extra: 'x',
  };

  it('keeps the class of its payload, and all else that its own framework wrote', () => {
    expect(revise({ ...entry, payload }, { status: 'OUT_OF_SERVICE', weight: 3 })).toEqual({
      ...entry,
      payload: { ...payload, metadata: { instance_status: 'OUT_OF_SERVICE', 'rollcall.weight': '3' } },
    });
  });

  it('follows Curator’s own switch where there is one', () => {
    for (const [status, enabled] of [
      ['UP', true],
      ['DOWN', true],
      ['OUT_OF_SERVICE', false],
    ] as const)
      expect(revise({ ...entry, enabled: !enabled, payload }, { status })).toMatchObject({ enabled });
  });

  it('has no place for it without a payload', () => {
    expect(() => revise({ ...entry, payload: null }, {})).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
  });
});
