import { defineInstance, type InstanceSpec, RegistryError, type ServiceInstance } from '@rollcall/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goZeroLayout } from '../src/layouts/go-zero.ts';
import { grpcNamingLayout } from '../src/layouts/grpc-naming.ts';
import { kitexLayout } from '../src/layouts/kitex.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { Layout } from '../src/layouts/layout.ts';
import { rollcallLayout } from '../src/layouts/rollcall.ts';

const plain = defineInstance({
  service: 'user-service',
  id: 'a1',
  host: '10.0.0.7',
  port: 9000,
  scheme: 'grpc',
});

const full = defineInstance({
  service: 'user-service',
  id: 'a1',
  host: '10.0.0.7',
  port: 9000,
  scheme: 'grpc',
  status: 'STARTING',
  weight: 5,
  version: '1.2.3',
  zone: 'eu-1a',
  tags: ['canary'],
  metadata: { team: 'blue' },
  endpoints: ['http://10.0.0.7:8000'],
});

/** What a layout writes for an instance: a key and a value. */
function write(layout: Layout, instance: ServiceInstance): [string, string] {
  return [layout.key(instance), layout.encode(instance)];
}

/** What a layout makes of an entry when the service is read. */
function read(
  layout: Layout,
  [key, value]: readonly [string, string],
  of: ServiceInstance = plain,
): ServiceInstance | undefined {
  const prefix = layout.servicePrefix(of);
  expect(key.startsWith(prefix)).toBe(true);
  const id = layout.idOf(key.slice(prefix.length));
  return id === undefined
    ? undefined
    : layout.decode(value, { namespace: of.namespace, service: of.service, id });
}

const layouts = {
  rollcall: rollcallLayout('/rollcall'),
  kratos: kratosLayout('/microservices'),
  'grpc-naming': grpcNamingLayout(''),
  'go-zero': goZeroLayout(''),
  kitex: kitexLayout('kitex/registry-etcd'),
};

const kratos = (entry: object) => () =>
  read(layouts.kratos, ['/microservices/user-service/a1', JSON.stringify(entry)]);

const readMetadata = (metadata: unknown) =>
  read(layouts['grpc-naming'], ['user-service/x', JSON.stringify({ Op: 0, Addr: 'h:1', Metadata: metadata })])
    ?.metadata;

describe('what each layout writes is fixed', () => {
  it('rollcall', () => {
    expect(write(layouts.rollcall, plain)).toEqual([
      '/rollcall/default/user-service/a1',
      '{"host":"10.0.0.7","port":9000,"scheme":"grpc"}',
    ]);
    expect(layouts.rollcall.key({ namespace: 'a/b', service: '../x', id: '10.0.0.7:80' })).toBe(
      '/rollcall/a%2Fb/%2E.%2Fx/10.0.0.7%3A80',
    );
  });

  it('kratos', () => {
    expect(write(layouts.kratos, plain)).toEqual([
      '/microservices/user-service/a1',
      '{"id":"a1","name":"user-service","version":"","metadata":{},"endpoints":["grpc://10.0.0.7:9000"]}',
    ]);
    expect(JSON.parse(layouts.kratos.encode(full))).toEqual({
      id: 'a1',
      name: 'user-service',
      version: '1.2.3',
      metadata: {
        team: 'blue',
        weight: '5',
        'rollcall.status': 'STARTING',
        'rollcall.zone': 'eu-1a',
        'rollcall.tags': '["canary"]',
      },
      endpoints: ['grpc://10.0.0.7:9000', 'http://10.0.0.7:8000'],
    });
  });

  it('grpc-naming', () => {
    const bare = defineInstance({ service: 'foo/bar', host: '::1', port: 9000 });
    expect(write(layouts['grpc-naming'], bare)).toEqual([
      'foo/bar/[::1]:9000',
      '{"Op":0,"Addr":"[::1]:9000","Metadata":null}',
    ]);
    expect(JSON.parse(layouts['grpc-naming'].encode(full))).toEqual({
      Op: 0,
      Addr: '10.0.0.7:9000',
      Metadata: {
        team: 'blue',
        'rollcall.scheme': 'grpc',
        'rollcall.status': 'STARTING',
        'rollcall.weight': '5',
        'rollcall.version': '1.2.3',
        'rollcall.zone': 'eu-1a',
        'rollcall.tags': '["canary"]',
        'rollcall.endpoints': '["http://10.0.0.7:8000"]',
      },
    });
  });

  it('go-zero', () => {
    expect(write(layouts['go-zero'], full)).toEqual(['user-service/a1', '10.0.0.7:9000']);
    expect(goZeroLayout('/apps').key(full)).toBe('/apps/user-service/a1');
  });

  it('kitex', () => {
    const bare = defineInstance({ service: 'user-service', host: '10.0.0.7', port: 8888 });
    expect(write(layouts.kitex, bare)).toEqual([
      'kitex/registry-etcd/user-service/10.0.0.7:8888',
      '{"network":"tcp","address":"10.0.0.7:8888","weight":10,"tags":{}}',
    ]);
    expect(JSON.parse(layouts.kitex.encode(full))).toMatchObject({
      weight: 50,
      tags: { team: 'blue', 'rollcall.status': 'STARTING', 'rollcall.scheme': 'grpc' },
    });
    // Kitex reads whole numbers, and takes 0 for its default.
    expect(JSON.parse(layouts.kitex.encode(defineInstance({ ...bare, weight: 0 })))).toMatchObject({
      weight: 1,
      tags: { 'rollcall.weight': '0' },
    });
  });
});

describe('what others wrote is read', () => {
  it('a Kratos instance with its weight, several endpoints and a version', () => {
    const value =
      '{"id":"a1","name":"user-service","version":"v1","metadata":{"weight":"30","k":"v"},"endpoints":["http://10.0.0.9:8000","grpcs://10.0.0.9:9000"]}';
    expect(read(layouts.kratos, ['/microservices/user-service/a1', value])).toEqual({
      namespace: 'default',
      service: 'user-service',
      id: 'a1',
      host: '10.0.0.9',
      port: 8000,
      scheme: 'http',
      status: 'UP',
      weight: 30,
      version: 'v1',
      metadata: { k: 'v' },
      endpoints: ['grpcs://10.0.0.9:9000'],
    });
  });

  it('a Kratos instance with null metadata', () => {
    const value =
      '{"id":"a1","name":"user-service","version":"","metadata":null,"endpoints":["grpc://[::1]:9000"]}';
    expect(read(layouts.kratos, ['/microservices/user-service/a1', value])).toMatchObject({
      host: '::1',
      port: 9000,
    });
  });

  it('gRPC naming metadata of any shape', () => {
    expect(readMetadata(null)).toBeUndefined();
    expect(readMetadata({ a: 'b', n: 1, o: { p: [true] } })).toEqual({ a: 'b', n: '1', o: '{"p":[true]}' });
    expect(readMetadata('text')).toEqual({ Metadata: 'text' });
    expect(readMetadata([1])).toEqual({ Metadata: '[1]' });
  });

  it('a Kitex instance, with tags and without', () => {
    const of = (value: object) =>
      read(layouts.kitex, ['kitex/registry-etcd/user-service/10.0.0.3:8888', JSON.stringify(value)]);
    expect(
      of({ network: 'tcp', address: '10.0.0.3:8888', weight: 25, tags: { cluster: 'blue' } }),
    ).toMatchObject({ id: '10.0.0.3:8888', host: '10.0.0.3', weight: 2.5, metadata: { cluster: 'blue' } });
    expect(of({ network: 'tcp', address: '10.0.0.3:8888', weight: 0, tags: null })).toMatchObject({
      weight: 1,
    });
  });

  it('a go-zero address', () => {
    expect(read(layouts['go-zero'], ['user-service/7587869', '10.0.0.3:8080'])).toMatchObject({
      id: '7587869',
      host: '10.0.0.3',
      port: 8080,
    });
  });
});

describe('an entry that can’t be read says why', () => {
  const good = { id: 'a1', name: 'user-service', version: '', metadata: {}, endpoints: ['grpc://h:1'] };

  it.each([
    ['no JSON', () => read(layouts.rollcall, ['/rollcall/default/user-service/a', 'nonsense']), 'not JSON'],
    ['a deeper key', () => read(layouts.rollcall, ['/rollcall/default/user-service/a/b', '{}']), 'the key'],
    [
      'a key of another hand',
      () => read(layouts.rollcall, ['/rollcall/default/user-service/%zz', '{}']),
      'the key',
    ],
    ['no id', () => read(layouts.rollcall, ['/rollcall/default/user-service/', '{}']), 'the key'],
    ['another name', kratos({ ...good, name: 'other' }), 'name'],
    ['another id', kratos({ ...good, id: 'other' }), 'id'],
    ['no endpoint', kratos({ ...good, endpoints: null }), 'endpoint'],
    ['an endpoint without port', kratos({ ...good, endpoints: ['grpc://h'] }), 'host:port'],
    ['an endpoint that is a number', kratos({ ...good, endpoints: [1] }), 'endpoint'],
    ['metadata that is a list', kratos({ ...good, metadata: [] }), 'metadata'],
    ['metadata with a number', kratos({ ...good, metadata: { a: 1 } }), 'metadata.a'],
    ['tags that are no list', kratos({ ...good, metadata: { 'rollcall.tags': '{}' } }), 'rollcall.tags'],
    [
      'a gRPC deletion',
      () => read(layouts['grpc-naming'], ['user-service/x', '{"Op":1,"Addr":"h:1"}']),
      'Op',
    ],
    ['no address', () => read(layouts['grpc-naming'], ['user-service/x', '{"Op":0}']), 'Addr'],
    ['a port of 0', () => read(layouts['go-zero'], ['user-service/x', '10.0.0.3:0']), 'port'],
    [
      'a Kitex instance on a socket of its machine',
      () => read(layouts.kitex, ['kitex/registry-etcd/user-service/x', '{"network":"unix","address":"/x"}']),
      'network',
    ],
    ['no port', () => read(layouts['go-zero'], ['user-service/x', '10.0.0.3']), 'host:port'],
  ])('%s', (_what, attempt, reason) => {
    expect(attempt).toThrow(RegistryError);
    expect(attempt).toThrow(reason);
  });
});

describe('services are told apart by their keys', () => {
  it('an entry of foo/bar is none of foo', () => {
    for (const name of ['kratos', 'grpc-naming', 'go-zero', 'kitex'] as const) {
      const layout = layouts[name];
      const of = { ...plain, service: 'foo' };
      expect(read(layout, write(layout, { ...plain, service: 'foo/bar' }), of)).toBeUndefined();
    }
  });

  it('an id with a slash is refused where it has no key of its own', () => {
    for (const name of ['kratos', 'grpc-naming', 'go-zero', 'kitex'] as const) {
      expect(() => layouts[name].key({ ...plain, id: 'a/b' })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', field: 'id' }),
      );
    }
  });

  it('keys that nobody’s instance has are no service', () => {
    const { rollcall } = layouts;
    expect(
      ['a/b', 'a%2Fb/c', 'a', 'a/', '/b', 'a/b/c', '%zz/a'].map((rest) => rollcall.serviceOf(rest)),
    ).toEqual([...['a', 'a/b'], ...Array<undefined>(5).fill(undefined)]);
    expect(['a/b', 'a/b/c', 'a', 'a/', '/b'].map((rest) => layouts.kratos.serviceOf(rest))).toEqual([
      'a',
      'a/b',
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('any instance comes back as it was written', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
  const name = text.filter((made) => !/\p{Cc}/u.test(made) && encodeURIComponent(made).length < 200);
  const keys = fc.oneof(
    text,
    fc.constantFrom(
      'weight',
      'rollcall.weight',
      'rollcall.scheme',
      'rollcall.metadata.x',
      'rollcall.x',
      '__proto__',
    ),
  );
  const host = fc.constantFrom('10.0.0.7', 'node-7.internal', '::1', 'fe80::1%eth0');
  const optional = {
    status: fc.constantFrom('UP', 'STARTING', 'DOWN', 'OUT_OF_SERVICE', 'UNKNOWN'),
    weight: fc.oneof(fc.nat(1_000_000), fc.double({ min: 0, max: 1_000_000, noNaN: true })),
    scheme: fc.oneof(fc.constantFrom('http', 'grpcs', 'HTTP'), text),
    version: text,
    zone: text,
    tags: fc.array(text, { maxLength: 3 }),
    metadata: fc
      .array(fc.tuple(keys, fc.oneof(text, fc.constantFrom('', '5'))), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
    endpoints: fc.array(fc.constantFrom('http://10.0.0.7:80', 'grpc://[::1]:9000/x?y'), { maxLength: 2 }),
  } as const;
  const fields = Object.fromEntries(
    Object.entries<fc.Arbitrary<unknown>>(optional).map(([key, arbitrary]) => [
      key,
      fc.option(arbitrary, { nil: undefined }),
    ]),
  );

  it.each(Object.entries(layouts))('%s', (_name, layout) => {
    const spec = fc.record({
      service: name,
      id: layout.anyName ? name : name.filter((made) => !made.includes('/')),
      host,
      port: fc.integer({ min: 1, max: 65_535 }),
      ...fields,
    });
    fc.assert(
      fc.property(spec, (made) => {
        const given = Object.fromEntries(
          Object.entries(made).filter(([, value]) => value !== undefined),
        ) as unknown as InstanceSpec;
        const instance = defineInstance(
          layout.fields.length > 0
            ? given
            : { service: given.service, id: given.id ?? '', host: given.host, port: given.port },
        );
        const entry = write(layout, instance);
        expect(read(layout, entry, instance)).toEqual(instance);
        expect(layout.serviceOf(entry[0].slice(layout.namespacePrefix('default').length))).toBe(
          instance.service,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('and no two rollcall names share a key', () => {
    const pair = fc.record({ namespace: name, service: name, id: name });
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        fc.pre(a.namespace !== b.namespace || a.service !== b.service || a.id !== b.id);
        expect(layouts.rollcall.key(a)).not.toBe(layouts.rollcall.key(b));
        expect(layouts.rollcall.key(a).split('/')).toHaveLength(5);
      }),
    );
  });
});
