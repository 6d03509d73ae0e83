import { readFileSync } from 'node:fs';
import {
  defineInstance,
  type InstanceSpec,
  RegistryError,
  type ServiceInstance,
  systemClock,
} from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { Layout } from '../src/layouts/layout.ts';
import { springLayout } from '../src/layouts/curator.ts';

/** What other frameworks' own libraries wrote, by `npm run golden`. */
interface Golden {
  readonly entries: Readonly<Record<string, { readonly path: string; readonly data: string }>>;
}

const service = { namespace: 'default', service: 'orders' };

const spring = springLayout('/services', systemClock);
const layouts = { kratos: kratosLayout('/microservices'), curator: spring, spring, dubbo: spring };

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
  curator: {
    'no payload': { id: 'c-1', host: '10.0.0.7', port: 8080 },
    'a secure port too': { id: 'c-2', host: '10.0.0.8', port: 8443, scheme: 'https' },
    'a secure port alone': { id: 'c-3', host: '10.0.0.9', port: 8443, scheme: 'https' },
    // Curator left out that it is, so nobody can know.
    'switched off': { id: 'c-4', host: '10.0.0.10', port: 8080 },
    "Spring's payload": {
      id: 'c-5',
      host: 'orders-11.internal',
      port: 8080,
      metadata: { team: 'accounts' },
    },
  },
  spring: {
    defaults: { id: 's-1', host: '10.0.0.7', port: 8080 },
    'a secure port, metadata': {
      id: 's-2',
      host: 'orders-8.internal',
      port: 8443,
      scheme: 'https',
      zone: 'eu-1a',
      metadata: { team: 'accounts' },
    },
    'out of service': { id: 's-3', host: '10.0.0.9', port: 8080, status: 'OUT_OF_SERVICE' },
  },
  dubbo: {
    'one protocol': {
      id: '10.0.0.7:20880',
      host: '10.0.0.7',
      port: 20_880,
      metadata: dubboMetadata({ dubbo: 20_880 }, '5c004cc8bdf1afb8bb3ae12abfa9d66f'),
    },
    // The port is that of the protocol which Dubbo prefers; the metadata name both.
    'two protocols': {
      id: 'orders-8.internal:20880',
      host: 'orders-8.internal',
      port: 20_880,
      metadata: dubboMetadata({ dubbo: 20_880, tri: 50_051 }, '32af08c39df2429598acaa3c50cbf254'),
    },
    IPv6: {
      id: '[2001:db8::7]:20880',
      host: '2001:db8::7',
      port: 20_880,
      metadata: dubboMetadata({ dubbo: 20_880 }, '5c004cc8bdf1afb8bb3ae12abfa9d66f'),
    },
  },
};

/** What Dubbo tells of an instance: its metadata are texts, and JSON in them. */
function dubboMetadata(ports: Readonly<Record<string, number>>, revision: string): Record<string, string> {
  const endpoints = Object.entries(ports).map(([protocol, port]) => ({ port, protocol }));
  const last = endpoints.at(-1);
  const version = last?.protocol === 'tri' ? '2.0.0' : '1.0.0';
  return {
    'dubbo.endpoints': JSON.stringify(endpoints),
    'dubbo.metadata-service.url-params': JSON.stringify({
      'prefer.serialization': 'hessian2,fastjson2',
      version,
      dubbo: '2.0.2',
      release: '3.3.5',
      side: 'provider',
      port: String(last?.port),
      protocol: last?.protocol,
    }),
    'dubbo.metadata.revision': revision,
    'dubbo.metadata.storage-type': 'local',
    'meta-v': version,
    timestamp: String(Date.UTC(2026, 0, 1)),
  };
}

describe.each(Object.entries(layouts))('what %s’s own library writes', (name, layout) => {
  const { entries } = readGolden(name);
  const meant = expected[name as keyof typeof layouts];

  it('is all looked at', () => {
    expect(Object.keys(entries).toSorted()).toEqual(Object.keys(meant).toSorted());
  });

  it.each(Object.entries(meant))('is read: %s', (what, spec) => {
    const entry = entries[what] ?? { path: '', data: '' };
    if (typeof spec !== 'string')
      expect(read(layout, entry)).toEqual(defineInstance({ ...service, ...spec }));
    else expect(() => read(layout, entry)).toThrow(new RegistryError('PROTOCOL', spec));
  });
});

function readGolden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8')) as Golden;
}

function read(layout: Layout, { path, data }: Golden['entries'][string]): ServiceInstance {
  const parent = `${layout.servicePath(service)}/`;
  expect(path.startsWith(parent)).toBe(true);
  return layout.decode(data, { ...service, id: layout.idOf(path.slice(parent.length)) ?? '' });
}
