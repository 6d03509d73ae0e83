import { defineInstance, type InstanceSpec } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { kratosLayout } from '../src/layouts/kratos.ts';
import {
  decodeName,
  decodeServiceId,
  decodeServiceName,
  encodeName,
  encodeServiceId,
  encodeServiceName,
} from '../src/layouts/names.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';
import { springLayout } from '../src/layouts/spring.ts';

const bare: InstanceSpec = { service: 'orders', id: 'a', host: '10.0.0.7', port: 8080 };
const key = { namespace: 'default', service: 'orders' };

describe('names', () => {
  it.each([
    ['user-service', 'user-service'],
    ['10.0.0.7:8080', '10.0.0.7:8080'],
    ['Users', '~55sers'],
    ['a/b', 'a~2fb'],
    ['..', '~2e.'],
    ['a~b', 'a~7eb'],
    ['é', '~c3~a9'],
    ['consul', '~63onsul'],
  ])('%s is written as %s, and read back', (name, encoded) => {
    expect(encodeName(name)).toBe(encoded);
    expect(decodeName(encoded)).toBe(name);
  });

  it.each(['', 'A', 'consul', '~61', '~2F', '~zz', '~c3', '.', 'a%41', 'a b', '~'])(
    '%j is none that was written',
    (text) => {
      expect(decodeName(text)).toBeUndefined();
    },
  );

  it('of services hold their namespace, and IDs both: no two of them are the same', () => {
    const keys = ['default', 'a', 'a~~b', '~'].flatMap((namespace) =>
      ['a', 'b', 'a~~b', '~'].map((service) => ({ namespace, service })),
    );
    const names = keys.map(encodeServiceName);
    expect(new Set(names).size).toBe(keys.length);
    for (const [i, each] of keys.entries()) {
      expect(decodeServiceName(names[i] ?? '', each.namespace)).toBe(each.service);
      expect(decodeServiceId(encodeServiceId({ ...each, id: 'a~~b' }), each)).toBe('a~~b');
    }
    expect(encodeServiceName({ namespace: 'blue', service: 'users' })).toBe('blue~~users');
    expect(decodeServiceName('blue~~users', 'default')).toBeUndefined();
    expect(decodeServiceName('users', 'blue')).toBeUndefined();
    expect(decodeServiceName('a~~b~~c', 'a')).toBeUndefined();
    expect(decodeServiceId('users~~a', { namespace: 'default', service: 'user' })).toBeUndefined();
  });

  it.each(['a/b', '.', '..', 'consul'])('%s is refused by the layouts of others', (service) => {
    for (const layout of [springLayout, kratosLayout])
      expect(() => layout.serviceName({ namespace: 'default', service })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'service' }),
      );
  });
});

describe('rollcall', () => {
  it('shows tags, metadata, and what people filter by', () => {
    const spec = { ...bare, tags: ['t'], version: '1', zone: 'eu', scheme: 'grpc', metadata: { team: 'x' } };
    expect(rollcallLayout.show(defineInstance(spec))).toEqual({
      Tags: ['t'],
      Meta: { version: '1', zone: 'eu', scheme: 'grpc', team: 'x' },
    });
  });

  it.each([
    ['no port', {}],
    ['port 0', { Port: 0 }],
    ['a port that is text', { Port: '80' }],
  ])('an entry of others with %s can’t be read', (_what, fields) => {
    expect(() => rollcallLayout.read({ ID: 'a', Service: 'orders', ...fields }, key, 'h')).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });

  it('what is no tag, metadata or weight in an entry of others is passed over', () => {
    const entry = {
      ID: 'a',
      Service: 'orders',
      Port: 80,
      Tags: ['t', 7, ''],
      Meta: JSON.parse('{"a":"b","c":1,"__proto__":"data"}') as unknown,
      Weights: { Passing: 'heavy' },
    };
    const read = rollcallLayout.read(entry, key, 'h');
    expect(read).toMatchObject({ tags: ['t'], weight: 1 });
    expect(Object.entries(read.metadata ?? {})).toEqual([
      ['a', 'b'],
      ['__proto__', 'data'],
    ]);
    expect(Object.getPrototypeOf(read.metadata ?? {})).toBe(Object.prototype);
  });
});

describe('spring', () => {
  it('writes what Spring Cloud Consul reads', () => {
    const spec = { ...bare, scheme: 'https', zone: 'eu', tags: ['t'], metadata: { group: 'g' } };
    expect(springLayout.show(defineInstance(spec))).toEqual({
      Tags: ['t'],
      Meta: { group: 'g', secure: 'true', zone: 'eu' },
    });
    expect(springLayout.show(defineInstance(bare)).Meta).toEqual({ secure: 'false' });
  });

  it.each([
    [{ Meta: { secure: 'false', group: 'g' } }, { scheme: 'http', metadata: { group: 'g' } }],
    [{ Meta: { secure: 'true', zone: 'eu' } }, { scheme: 'https', zone: 'eu' }],
    [{ Tags: ['secure=true'] }, { scheme: 'https', tags: ['secure=true'] }],
  ])('reads what it writes (%#)', (fields, expected) => {
    const entry = { ID: 'orders-8080', Service: 'orders', Port: 8080, ...fields };
    expect(springLayout.read(entry, key, '10.0.0.7')).toEqual(
      defineInstance({ ...bare, id: 'orders-8080', ...expected }),
    );
  });
});

describe('kratos', () => {
  it('writes what Kratos reads: the version as a tag, each endpoint as a tagged address', () => {
    const endpoints = ['http://10.0.0.7:8000', 'grpc://10.0.0.7:9001'];
    const spec = { ...bare, scheme: 'grpc', port: 9000, version: 'v1', weight: 3, endpoints };
    expect(kratosLayout.show(defineInstance({ ...spec, metadata: { team: 'x' } }))).toEqual({
      Tags: ['version=v1'],
      Meta: { team: 'x', weight: '3' },
      TaggedAddresses: {
        grpc: { Address: 'grpc://10.0.0.7:9000', Port: 9000 },
        http: { Address: 'http://10.0.0.7:8000', Port: 8000 },
      },
    });
  });

  it('reads what Kratos writes', () => {
    const entry = {
      ID: 'f3b1',
      Service: 'orders',
      Port: 9000,
      Tags: ['version=v1.2'],
      Meta: { team: 'x' },
      TaggedAddresses: {
        aaa: { Address: 'aaa://10.0.0.7:7000', Port: 7000 },
        grpc: { Address: 'grpc://10.0.0.7:9000?isSecure=false', Port: 9000 },
        http: { Address: 'http://10.0.0.7:8000', Port: 8000 },
        lan_ipv4: { Address: '10.0.0.7', Port: 9000 },
        wan_ipv4: { Address: '10.0.0.7', Port: 9000 },
      },
    };
    expect(kratosLayout.read(entry, key, '10.0.0.7')).toEqual(
      defineInstance({
        ...bare,
        id: 'f3b1',
        port: 9000,
        scheme: 'grpc',
        version: 'v1.2',
        metadata: { team: 'x' },
        endpoints: ['aaa://10.0.0.7:7000', 'http://10.0.0.7:8000'],
      }),
    );
  });

  it('reads an entry without endpoints as http, and refuses one whose endpoints are none', () => {
    const entry = { ID: 'f3b1', Service: 'orders', Port: 80, Tags: ['version='] };
    expect(kratosLayout.read(entry, key, 'h')).toMatchObject({ host: 'h', port: 80, scheme: 'http' });
    const broken = { ...entry, TaggedAddresses: { grpc: { Address: 'nowhere' } } };
    expect(() => kratosLayout.read(broken, key, 'h')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});
