import { readFileSync } from 'node:fs';
import { defineInstance, type InstanceSpec, RegistryError, type ServiceInstance } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { goZeroLayout } from '../src/layouts/go-zero.ts';
import { grpcNamingLayout } from '../src/layouts/grpc-naming.ts';
import { kitexLayout } from '../src/layouts/kitex.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { Layout } from '../src/layouts/layout.ts';

/** What other frameworks' own libraries wrote, by `npm run golden`. */
interface Golden {
  readonly entries: Readonly<Record<string, { readonly key: string; readonly value: string }>>;
}

const service = { namespace: 'default', service: 'orders' };

const layouts = {
  kratos: kratosLayout('/microservices'),
  'grpc-naming': grpcNamingLayout(''),
  'go-zero': goZeroLayout(''),
  kitex: kitexLayout('kitex/registry-etcd'),
};

const expected: Readonly<
  Record<keyof typeof layouts, Readonly<Record<string, Omit<InstanceSpec, 'service'> | string>>>
> = {
  kratos: {
    'one endpoint, a weight': {
      id: 'k-1',
      host: '10.0.0.7',
      port: 9000,
      scheme: 'grpc',
      version: 'v1.2.0',
      weight: 30,
      metadata: { team: 'blue' },
    },
    'two endpoints': {
      id: 'k-2',
      host: '10.0.0.8',
      port: 8000,
      scheme: 'http',
      version: 'v1.2.0',
      endpoints: ['grpc://10.0.0.8:9000'],
    },
    'TLS, no version, no metadata': { id: 'k-3', host: '10.0.0.9', port: 9000, scheme: 'grpcs' },
    IPv6: { id: 'k-4', host: '2001:db8::7', port: 8443, scheme: 'https', version: 'v1.2.0' },
    'no endpoint': 'it has no endpoint',
  },
  'grpc-naming': {
    'no metadata': { id: '10.0.0.7:9000', host: '10.0.0.7', port: 9000 },
    'an object as metadata': {
      id: '10.0.0.8:9000',
      host: '10.0.0.8',
      port: 9000,
      metadata: { zone: 'eu-1a', weight: '5', spare: 'true' },
    },
    'a text as metadata': {
      id: '[2001:db8::7]:9000',
      host: '2001:db8::7',
      port: 9000,
      metadata: { Metadata: 'eu-1a' },
    },
  },
  'go-zero': { 'an address': { id: '7587869', host: '10.0.0.7', port: 8080 } },
  kitex: {
    defaults: { id: '10.0.0.7:8888', host: '10.0.0.7', port: 8888 },
    'a weight, tags': {
      id: '10.0.0.8:8888',
      host: '10.0.0.8',
      port: 8888,
      weight: 2.5,
      metadata: { team: 'blue', zone: 'eu-1a' },
    },
    'no weight': { id: 'orders-9.internal:8888', host: 'orders-9.internal', port: 8888 },
    // Kitex leaves out the brackets.
    IPv6: { id: '2001:db8::7:8888', host: '2001:db8::7', port: 8888 },
  },
};

describe.each(Object.entries(layouts))('what %s’s own library writes', (name, layout) => {
  const { entries } = readGolden(name);
  const meant = expected[name as keyof typeof layouts];

  it('is all looked at', () => {
    expect(Object.keys(entries).toSorted()).toEqual(Object.keys(meant).toSorted());
  });

  it.each(Object.entries(meant))('is read: %s', (what, spec) => {
    const entry = entries[what] ?? { key: '', value: '' };
    if (typeof spec !== 'string')
      expect(read(layout, entry)).toEqual(defineInstance({ ...service, ...spec }));
    else expect(() => read(layout, entry)).toThrow(new RegistryError('PROTOCOL', spec));
  });
});

function readGolden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8')) as Golden;
}

function read(layout: Layout, { key, value }: Golden['entries'][string]): ServiceInstance {
  const prefix = layout.servicePrefix(service);
  expect(key.startsWith(prefix)).toBe(true);
  return layout.decode(value, { ...service, id: layout.idOf(key.slice(prefix.length)) ?? '' });
}
