import { defineInstance, type InstanceSpec, sameInstance } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { passingAs } from '../src/layouts/instance-info.ts';
import { decodeApp, decodeId, encodeApp, encodeId } from '../src/layouts/segment.ts';
import { LAYOUTS } from './adapter-under-test.ts';

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
    zone: 'mine',
    ID: 'mine',
    Endpoints: 'mine',
    '@class': 'mine',
    weight: 'mine',
    'rollcall.zone': 'mine',
    'rollcall.status': 'mine',
    ['__proto__']: 'mine',
  },
  endpoints: ['grpc://10.0.0.7:9000', 'http://10.0.0.7:9001'],
};

describe.each(Object.entries(LAYOUTS))('%s', (_name, layout) => {
  it.each<InstanceSpec>([
    bare,
    full,
    { ...bare, scheme: 'grpc' },
    { ...bare, scheme: 'not a scheme', version: 'v' },
    { ...bare, host: '2001:db8::7', weight: 0 },
    { ...bare, status: 'UNKNOWN' },
    { ...bare, status: 'OUT_OF_SERVICE', zone: 'a' },
    { ...bare, metadata: { zone: 'not mine' } },
  ])('every field comes back as it was written (%#)', (spec) => {
    const instance = defineInstance(spec);
    const back = layout.decode(JSON.parse(JSON.stringify(layout.encode(instance))), instance);
    expect(back).toEqual(instance);
    expect(sameInstance(back, instance)).toBe(true);
    expect(Object.isFrozen(back)).toBe(true);
    expect(Object.getPrototypeOf(back.metadata ?? {})).toBe(Object.prototype);
  });

  it.each([
    ['no object', 'text'],
    ['nothing', {}],
    ['a metadata that is none', { ...layout.encode(defineInstance(bare)), metadata: [] }],
    [
      'a value that is no text',
      { ...layout.encode(defineInstance(bare)), metadata: { Endpoints: 'http://a:1', x: {} } },
    ],
    [
      'a weight that is none',
      {
        ...layout.encode(defineInstance(bare)),
        metadata: { Endpoints: 'http://a:1', 'rollcall.weight': 'heavy' },
      },
    ],
  ])('%s is refused', (_what, info) => {
    expect(() => layout.decode(info, defineInstance(bare))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });

  it('a status that Eureka would keep or refuse is not taken for the instance’s own', () => {
    const unknown = layout.encode(defineInstance({ ...bare, status: 'UNKNOWN' }));
    expect(unknown.status).toBe('DOWN');
    const leaving = passingAs(layout.encode(defineInstance({ ...bare, status: 'OUT_OF_SERVICE' })), 'DOWN');
    expect(leaving.status).toBe('DOWN');
    expect(layout.decode(leaving, defineInstance(bare)).status).toBe('OUT_OF_SERVICE');
  });

  it('an operator’s status holds over the instance’s own', () => {
    const info = layout.encode(defineInstance({ ...bare, status: 'UNKNOWN' }));
    for (const override of [{ overriddenStatus: 'UP' }, { overriddenstatus: 'UP' }]) {
      const read = layout.decode({ ...info, status: 'UP', ...override }, defineInstance(bare));
      expect(read.status).toBe('UP');
    }
    expect(layout.decode({ ...info, status: 'NEW' }, defineInstance(bare)).status).toBe('UNKNOWN');
  });
});

describe('names', () => {
  it.each([
    ['user-service', 'USER-SERVICE', 'user-service'],
    ['Users', '_55SERS', 'Users'],
    ['a.b/c', 'A_2EB_2FC', 'a.b_2Fc'],
    ['10.0.0.7:8080', '10_2E0_2E0_2E7_3A8080', '10.0.0.7:8080'],
    ['é_%', '_C3_A9_5F_25', '_C3_A9_5F_25'],
    ['😀', '_F0_9F_98_80', '_F0_9F_98_80'],
  ])('%s', (name, app, id) => {
    expect(encodeApp(name)).toBe(app);
    expect(decodeApp(app)).toBe(name);
    expect(encodeId(name)).toBe(id);
    expect(decodeId(id)).toBe(name);
  });

  it.each(['user', 'A%41', '_4', '_ZZ', '_61', '_c3_a9', '_FF'])('%s is none that was written', (segment) => {
    expect(decodeApp(segment)).toBeUndefined();
    expect(decodeId(segment.replace('user', '_75ser'))).toBeUndefined();
  });

  it('of Rollcall’s layout are apart by namespace, service and id, whatever their case', () => {
    const { rollcall } = LAYOUTS;
    const key = { namespace: 'default', service: 'Users', id: 'A/b' };
    expect(rollcall.app(key)).toBe('ROLLCALL.DEFAULT._55SERS');
    expect(rollcall.instanceId(key)).toBe('ROLLCALL.DEFAULT._55SERS:A_2Fb');
    expect(rollcall.idOf('ROLLCALL.DEFAULT._55SERS', 'ROLLCALL.DEFAULT._55SERS:A_2Fb')).toBe('A/b');
    expect(rollcall.idOf('ROLLCALL.DEFAULT._55SERS', 'host:orders:8080')).toBeUndefined();
    expect(rollcall.serviceOf('ROLLCALL.DEFAULT._55SERS', 'default')).toBe('Users');
    expect(rollcall.serviceOf('ROLLCALL.DEFAULT._55SERS', 'Default')).toBeUndefined();
    expect(rollcall.serviceOf('ORDERS', 'default')).toBeUndefined();
  });

  it('of the other layouts are plain, and what Eureka can’t keep is refused', () => {
    const { spring } = LAYOUTS;
    const key = { namespace: 'default', service: 'orders', id: 'host:orders:8080' };
    expect(spring.app(key)).toBe('ORDERS');
    expect(spring.instanceId(key)).toBe('host:orders:8080');
    expect(spring.serviceOf('ORDERS', 'default')).toBe('orders');
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    for (const service of ['Orders', 'a/b', '..', 'a%2Fb', 'straße', 'a;b'])
      expect(() => spring.app({ ...key, service })).toThrow(refused);
    for (const id of ['a/b', '.', 'a\\b', 'a?b', 'a\u0000'])
      expect(() => spring.instanceId({ ...key, id })).toThrow(refused);
  });
});

describe('spring', () => {
  it('writes what Spring Cloud reads', () => {
    expect(LAYOUTS.spring.encode(defineInstance({ ...bare, zone: 'eu', scheme: 'https' }))).toEqual({
      instanceId: 'a',
      app: 'ORDERS',
      hostName: '10.0.0.7',
      ipAddr: '10.0.0.7',
      vipAddress: 'orders',
      secureVipAddress: 'orders',
      status: 'UP',
      port: { $: 8080, '@enabled': 'false' },
      securePort: { $: 8080, '@enabled': 'true' },
      countryId: 1,
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
      metadata: { zone: 'eu' },
    });
  });

  it('reads what Spring Cloud writes', () => {
    const key = { namespace: 'default', service: 'orders', id: 'box:orders:8080' };
    const entry = {
      instanceId: 'box:orders:8080',
      hostName: 'box',
      app: 'ORDERS',
      ipAddr: '10.0.0.9',
      status: 'UP',
      overriddenStatus: 'UNKNOWN',
      port: { $: '8080', '@enabled': true },
      securePort: { $: 443, '@enabled': 'false' },
      metadata: { 'management.port': '8080', zone: '' },
    };
    const plain = defineInstance({
      ...key,
      host: 'box',
      port: 8080,
      metadata: { 'management.port': '8080' },
    });
    expect(LAYOUTS.spring.decode(entry, key)).toEqual(plain);
    const secure = { ...entry, securePort: { $: '8443', '@enabled': 'true' }, metadata: { '@class': 'x' } };
    expect(LAYOUTS.spring.decode(secure, key)).toEqual(
      defineInstance({ ...key, host: 'box', port: 8443, scheme: 'https' }),
    );
  });
});

describe('kratos', () => {
  it('writes what Kratos reads', () => {
    const { metadata } = LAYOUTS.kratos.encode(defineInstance({ ...bare, scheme: 'grpc', weight: 3 }));
    expect(metadata).toEqual({
      ID: 'a',
      Name: 'orders',
      Version: '',
      Endpoints: 'grpc://10.0.0.7:8080',
      weight: '3',
    });
  });

  it('reads what Kratos writes', () => {
    const key = { namespace: 'default', service: 'orders', id: '10.0.0.9:ORDERS:9000' };
    const entry = {
      instanceId: key.id,
      hostName: 'ORDERS',
      ipAddr: '10.0.0.9',
      app: 'ORDERS',
      vipAddress: 'ORDERS',
      status: 'UP',
      port: { $: 9000, '@enabled': 'true' },
      metadata: {
        ID: 'f3a1',
        Name: 'orders',
        Version: 'v1',
        Endpoints: 'grpc://10.0.0.9:9000',
        agent: 'go-eureka-client',
      },
    };
    expect(LAYOUTS.kratos.decode(entry, key)).toEqual(
      defineInstance({
        ...key,
        host: '10.0.0.9',
        port: 9000,
        scheme: 'grpc',
        version: 'v1',
        metadata: { ID: 'f3a1', agent: 'go-eureka-client' },
      }),
    );
  });
});
