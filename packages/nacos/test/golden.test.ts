import { describeGolden } from '@rollcall-tools/peers/golden';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { Layout } from '../src/layouts/layout.ts';
import { springLayout } from '../src/layouts/spring.ts';
import { readWireInstance } from '../src/wire-instance.ts';

interface Entry {
  readonly serviceName: string;
}

const by = (layout: Layout) => (entry: Entry) =>
  layout.decode(readWireInstance(entry), {
    namespace: 'default',
    service: layout.serviceOf(entry.serviceName.replace(/^.*@@/u, '')) ?? '',
  });

describeGolden(import.meta.url, 'kratos', by(kratosLayout), {
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
});

describeGolden(import.meta.url, 'spring', by(springLayout), {
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
});
