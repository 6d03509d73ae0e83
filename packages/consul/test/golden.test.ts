import { readFileSync } from 'node:fs';
import { defineInstance, type InstanceSpec } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { ConsulService } from '../src/layouts/layout.ts';
import { springLayout } from '../src/layouts/spring.ts';

/** What other frameworks' own libraries wrote, by `npm run golden`. */
interface Golden {
  readonly entries: Readonly<
    Record<string, { readonly Service: ConsulService & { readonly Address: string } }>
  >;
}

const service = { namespace: 'default', service: 'orders' };

const layouts = { kratos: kratosLayout, spring: springLayout };

const expected: Readonly<
  Record<keyof typeof layouts, Readonly<Record<string, Omit<InstanceSpec, 'service'>>>>
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
  },
  spring: {
    defaults: { id: 'orders-8080', host: 'orders-7.internal', port: 8080, scheme: 'http' },
    'https, beats, zone, group, tags, metadata': {
      id: 's-2',
      host: '10.0.0.8',
      port: 8443,
      scheme: 'https',
      zone: 'eu-1a',
      tags: ['canary', 'a=b'],
      metadata: { team: 'accounts', group: 'blue' },
    },
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
    const { Service } = entries[what] ?? {};
    expect(Service && layout.read(Service, service, Service.Address)).toEqual(
      defineInstance({ ...service, ...spec }),
    );
  });
});
