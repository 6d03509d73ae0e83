import { systemClock } from '@rollcall/core';
import { describeGolden, KRATOS_MEANT, KRATOS_ODD_MEANT } from '@rollcall-tools/peers/golden';
import { expect } from 'vitest';
import { springLayout } from '../src/layouts/curator.ts';
import { kratosLayout } from '../src/layouts/kratos.ts';
import type { Layout } from '../src/layouts/layout.ts';

interface Entry {
  readonly path: string;
  readonly data: string;
}

const service = { namespace: 'default', service: 'orders' };
/** Curator's own entries and Dubbo's are read by the same layout. */
const spring = springLayout('/services', systemClock);

function by(layout: Layout) {
  return ({ path, data }: Entry) => {
    const parent = `${layout.servicePath(service)}/`;
    expect(path.startsWith(parent)).toBe(true);
    return layout.decode(data, { ...service, id: layout.idOf(path.slice(parent.length)) ?? '' });
  };
}

describeGolden(import.meta.url, 'kratos', by(kratosLayout('/microservices')), {
  ...KRATOS_MEANT,
  ...KRATOS_ODD_MEANT,
});

describeGolden(import.meta.url, 'curator', by(spring), {
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
});

describeGolden(import.meta.url, 'spring', by(spring), {
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
});

describeGolden(import.meta.url, 'dubbo', by(spring), {
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
});

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
