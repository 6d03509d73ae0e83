import { readFileSync } from 'node:fs';
import { defineInstance, type InstanceSpec } from '@rollcall/core';
import { describe, expect, it } from 'vitest';
import { LAYOUTS } from './adapter-under-test.ts';

/** What Spring Cloud's own client wrote, by `npm run golden`. */
interface Golden {
  readonly entries: Readonly<Record<string, { readonly app: string; readonly instanceId: string }>>;
}

const service = { namespace: 'default', service: 'orders' };

const file = new URL('golden/spring.json', import.meta.url);
const { entries } = JSON.parse(readFileSync(file, 'utf8')) as Golden;

const expected: Readonly<Record<string, Omit<InstanceSpec, 'service'>>> = {
  defaults: {
    id: 'orders-7.internal:orders:8080',
    host: 'orders-7.internal',
    port: 8080,
    metadata: { 'management.port': '8080' },
  },
  'by address, zone, metadata': {
    id: 's-2',
    host: '10.0.0.8',
    port: 8080,
    zone: 'eu-1a',
    metadata: { team: 'accounts', 'management.port': '8080' },
  },
  'a secure port alone': {
    id: 's-3',
    host: 'orders-9.internal',
    port: 8443,
    scheme: 'https',
    metadata: { 'management.port': '8080' },
  },
  starting: {
    id: 's-4',
    host: 'orders-10.internal',
    port: 8080,
    status: 'STARTING',
    metadata: { 'management.port': '8080' },
  },
  'out of service': {
    id: 's-5',
    host: 'orders-11.internal',
    port: 8080,
    status: 'OUT_OF_SERVICE',
    metadata: { 'management.port': '8080' },
  },
};

describe('what Spring Cloud’s own client writes', () => {
  it('is all looked at', () => {
    expect(Object.keys(entries).toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  it.each(Object.entries(expected))('is read: %s', (what, spec) => {
    const entry = entries[what] ?? { app: '', instanceId: '' };
    const { spring } = LAYOUTS;
    expect(spring.serviceOf(entry.app, 'default')).toBe('orders');
    const id = spring.idOf(entry.app, entry.instanceId) ?? '';
    expect(spring.decode(entry, { ...service, id })).toEqual(defineInstance({ ...service, ...spec }));
  });
});
