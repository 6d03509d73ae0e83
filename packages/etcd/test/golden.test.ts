import { describeGolden, KRATOS_MEANT, KRATOS_ODD_MEANT } from '@rollcall-tools/peers/golden';
import { expect } from 'vitest';
import { goZeroLayout } from '../src/layouts/go-zero.ts';
import { grpcNamingLayout } from '../src/layouts/grpc-naming.ts';
import { kitexLayout } from '../src/layouts/kitex.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { Layout } from '../src/layouts/layout.ts';

interface Entry {
  readonly key: string;
  readonly value: string;
}

const service = { namespace: 'default', service: 'orders' };

function by(layout: Layout) {
  return ({ key, value }: Entry) => {
    const prefix = layout.servicePrefix(service);
    expect(key.startsWith(prefix)).toBe(true);
    return layout.decode(value, { ...service, id: layout.idOf(key.slice(prefix.length)) ?? '' });
  };
}

describeGolden(import.meta.url, 'kratos', by(kratosLayout('/microservices')), {
  ...KRATOS_MEANT,
  ...KRATOS_ODD_MEANT,
});

describeGolden(import.meta.url, 'grpc-naming', by(grpcNamingLayout('')), {
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
});

describeGolden(import.meta.url, 'go-zero', by(goZeroLayout('')), {
  'an address': { id: '7587869', host: '10.0.0.7', port: 8080 },
});

describeGolden(import.meta.url, 'kitex', by(kitexLayout('kitex/registry-etcd')), {
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
});
