import { readFileSync } from 'node:fs';
import { defineInstance, type InstanceSpec } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { kratosLayout } from '../src/layouts/kratos.ts';
import { springLayout } from '../src/layouts/spring.ts';
import { readWireInstance } from '../src/wire-instance.ts';

/** What other frameworks' own libraries wrote, by `npm run golden`. */
interface Golden {
  readonly entries: Readonly<Record<string, { readonly serviceName: string }>>;
}

const layouts = { kratos: kratosLayout, spring: springLayout };

const expected: Readonly<Record<keyof typeof layouts, Readonly<Record<string, InstanceSpec>>>> = {
  kratos: {
    'one endpoint, a weight': {
      service: 'orders.grpc',
      host: '10.0.0.7',
      port: 9000,
      scheme: 'grpc',
      version: 'v1.2.0',
      weight: 30,
      metadata: { team: 'blue' },
    },
    'two endpoints': {
      service: 'orders.grpc',
      host: '10.0.0.8',
      port: 9000,
      scheme: 'grpc',
      version: 'v1.2.0',
    },
    'two endpoints (2)': {
      service: 'orders.http',
      host: '10.0.0.8',
      port: 8000,
      scheme: 'http',
      version: 'v1.2.0',
    },
    'TLS, no version, no metadata': {
      service: 'orders.grpcs',
      host: '10.0.0.9',
      port: 9000,
      scheme: 'grpcs',
    },
  },
  spring: {
    defaults: { service: 'orders', host: '10.0.0.7', port: 8080 },
    'a weight, a cluster, https, metadata': {
      service: 'orders',
      host: '10.0.0.8',
      port: 8443,
      scheme: 'https',
      weight: 2.5,
      metadata: { team: 'accounts', version: 'v2' },
    },
    'waits of its own': { service: 'orders', host: '10.0.0.9', port: 8080 },
  },
};

describe.each(Object.entries(layouts))('what %s’s own library writes', (name, layout) => {
  const file = new URL(`golden/${name}.json`, import.meta.url);
  const { entries } = JSON.parse(readFileSync(file, 'utf8')) as Golden;
  const meant = expected[name as keyof typeof layouts];

  it('is all looked at', () => {
    expect(Object.keys(entries).toSorted()).toEqual(Object.keys(meant).toSorted());
  });

  it.each(Object.entries(meant))('is read: %s', (what, spec) => {
    const entry = entries[what] ?? { serviceName: '' };
    const service = layout.serviceOf(entry.serviceName.replace(/^.*@@/u, '')) ?? '';
    expect(layout.decode(readWireInstance(entry), { namespace: 'default', service })).toEqual(
      defineInstance(spec),
    );
  });
});
