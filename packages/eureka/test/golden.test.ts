import { describeGolden } from '@rollcall-tools/peers/golden';
import { expect } from 'vitest';
import { LAYOUTS } from './adapter-under-test.ts';

interface Entry {
  readonly app: string;
  readonly instanceId: string;
}

const { spring } = LAYOUTS;

function read(entry: Entry) {
  const service = spring.serviceOf(entry.app, 'default') ?? '';
  expect(service).toBe('orders');
  const id = spring.idOf(entry.app, entry.instanceId) ?? '';
  return spring.decode(entry, { namespace: 'default', service, id });
}

describeGolden(import.meta.url, 'spring', read, {
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
});
