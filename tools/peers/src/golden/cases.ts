import type {
  CuratorInstance,
  DubboApplication,
  KitexInstance,
  KratosInstance,
  NamedEndpoint,
} from '../frameworks.ts';

export const SERVICE = 'orders';

/** What Kratos registers, in each of its registries. */
export const kratosCases: Readonly<Record<string, KratosInstance>> = {
  'one endpoint, a weight': {
    id: 'k-1',
    name: SERVICE,
    version: 'v1.2.0',
    metadata: { team: 'blue', weight: '30' },
    endpoints: ['grpc://10.0.0.7:9000'],
  },
  'two endpoints': {
    id: 'k-2',
    name: SERVICE,
    version: 'v1.2.0',
    metadata: {},
    endpoints: ['http://10.0.0.8:8000', 'grpc://10.0.0.8:9000'],
  },
  'TLS, no version, no metadata': {
    id: 'k-3',
    name: SERVICE,
    version: '',
    metadata: null,
    endpoints: ['grpcs://10.0.0.9:9000'],
  },
};

/** Where any text can stand. */
export const kratosOddCases: Readonly<Record<string, KratosInstance>> = {
  IPv6: {
    id: 'k-4',
    name: SERVICE,
    version: 'v1.2.0',
    metadata: null,
    endpoints: ['https://[2001:db8::7]:8443'],
  },
  'no endpoint': { id: 'k-5', name: SERVICE, version: 'v1.2.0', metadata: null, endpoints: null },
};

export const namedCases: Readonly<Record<string, NamedEndpoint>> = {
  'no metadata': { service: SERVICE, addr: '10.0.0.7:9000', metadata: null },
  'an object as metadata': {
    service: SERVICE,
    addr: '10.0.0.8:9000',
    metadata: { zone: 'eu-1a', weight: 5, spare: true },
  },
  'a text as metadata': { service: SERVICE, addr: '[2001:db8::7]:9000', metadata: 'eu-1a' },
};

export const kitexCases: Readonly<Record<string, KitexInstance>> = {
  // A server gives itself this weight where it is told none.
  defaults: { service: SERVICE, address: '10.0.0.7:8888', weight: 10, tags: null },
  'a weight, tags': {
    service: SERVICE,
    address: '10.0.0.8:8888',
    weight: 25,
    tags: { team: 'blue', zone: 'eu-1a' },
  },
  'no weight': { service: SERVICE, address: 'orders-9.internal:8888', weight: 0, tags: {} },
  IPv6: { service: SERVICE, address: '[2001:db8::7]:8888', weight: 10, tags: null },
};

export const curatorCases: Readonly<Record<string, CuratorInstance>> = {
  'no payload': { name: SERVICE, id: 'c-1', address: '10.0.0.7', port: 8080 },
  'a secure port too': { name: SERVICE, id: 'c-2', address: '10.0.0.8', port: 8080, sslPort: 8443 },
  'a secure port alone': { name: SERVICE, id: 'c-3', address: '10.0.0.9', sslPort: 8443 },
  // Its serializer leaves `enabled` out, unless it is told to write more than old readers know.
  'switched off': { name: SERVICE, id: 'c-4', address: '10.0.0.10', port: 8080, enabled: false },
  "Spring's payload": {
    name: SERVICE,
    id: 'c-5',
    address: 'orders-11.internal',
    port: 8080,
    uriSpec: '{scheme}://{address}:{port}',
    payload: { id: 'orders-1', name: SERVICE, metadata: { instance_status: 'UP', team: 'accounts' } },
  },
};

export const dubboCases: Readonly<Record<string, DubboApplication>> = {
  'one protocol': { key: 'a', application: SERVICE, host: '10.0.0.7', ports: { dubbo: 20_880 } },
  'two protocols': {
    key: 'b',
    application: SERVICE,
    host: 'orders-8.internal',
    ports: { dubbo: 20_880, tri: 50_051 },
  },
  IPv6: { key: 'c', application: SERVICE, host: '2001:db8::7', ports: { dubbo: 20_880 } },
};

interface SpringCase {
  readonly [property: string]: string;
}

const springBase = { 'spring.application.name': SERVICE, 'server.port': '8080' } as const;

/** What Spring Boot applications are told, by registry. */
export const springCases: Readonly<
  Record<'zookeeper' | 'consul' | 'eureka' | 'nacos', Readonly<Record<string, SpringCase>>>
> = {
  zookeeper: {
    defaults: zookeeperCase('s-1', { 'instance-host': '10.0.0.7' }),
    'a secure port, metadata': zookeeperCase('s-2', {
      'instance-host': 'orders-8.internal',
      'instance-ssl-port': '8443',
      'metadata.team': 'accounts',
      'metadata.zone': 'eu-1a',
    }),
    'out of service': zookeeperCase('s-3', {
      'instance-host': '10.0.0.9',
      'initial-status': 'OUT_OF_SERVICE',
    }),
  },
  consul: {
    defaults: consulCase({ hostname: 'orders-7.internal' }),
    'https, beats, zone, group, tags, metadata': consulCase({
      hostname: '10.0.0.8',
      'instance-id': 's-2',
      scheme: 'https',
      port: '8443',
      'instance-zone': 'eu-1a',
      'instance-group': 'blue',
      tags: 'canary,a=b',
      'metadata.team': 'accounts',
      'heartbeat.enabled': 'true',
    }),
  },
  eureka: {
    defaults: eurekaCase({}),
    'by address, zone, metadata': eurekaCase({
      'instance-id': 's-2',
      'ip-address': '10.0.0.8',
      'prefer-ip-address': 'true',
      'metadata-map.zone': 'eu-1a',
      'metadata-map.team': 'accounts',
    }),
    'a secure port alone': eurekaCase({
      'instance-id': 's-3',
      hostname: 'orders-9.internal',
      'ip-address': '10.0.0.9',
      'non-secure-port-enabled': 'false',
      'secure-port-enabled': 'true',
      'secure-port': '8443',
    }),
    starting: eurekaCase({
      'instance-id': 's-4',
      hostname: 'orders-10.internal',
      'ip-address': '10.0.0.10',
      'initial-status': 'STARTING',
    }),
    'out of service': eurekaCase({
      'instance-id': 's-5',
      hostname: 'orders-11.internal',
      'ip-address': '10.0.0.11',
      'initial-status': 'OUT_OF_SERVICE',
    }),
  },
  nacos: {
    defaults: nacosCase({ ip: '10.0.0.7' }),
    'a weight, a cluster, https, metadata': nacosCase({
      ip: '10.0.0.8',
      port: '8443',
      weight: '2.5',
      'cluster-name': 'EU',
      secure: 'true',
      'metadata.team': 'accounts',
      'metadata.version': 'v2',
    }),
    'waits of its own': nacosCase({
      ip: '10.0.0.9',
      'heart-beat-interval': '3000',
      'heart-beat-timeout': '9000',
      'ip-delete-timeout': '20000',
    }),
  },
};

function zookeeperCase(id: string, more: SpringCase): SpringCase {
  return {
    ...springBase,
    ...under('spring.cloud.zookeeper.discovery', { 'instance-id': id, 'instance-port': '8080', ...more }),
  };
}

function consulCase(more: SpringCase): SpringCase {
  return { ...springBase, ...under('spring.cloud.consul.discovery', { port: '8080', ...more }) };
}

function eurekaCase(more: SpringCase): SpringCase {
  return {
    ...springBase,
    // Of it Spring makes the instance's id; else it would be the machine's own.
    'spring.cloud.client.hostname': 'orders-7.internal',
    ...under('eureka.instance', {
      hostname: 'orders-7.internal',
      'ip-address': '10.0.0.7',
      'non-secure-port': '8080',
      ...more,
    }),
  };
}

function nacosCase(more: SpringCase): SpringCase {
  return { ...springBase, ...under('spring.cloud.nacos.discovery', { port: '8080', ...more }) };
}

function under(prefix: string, properties: SpringCase): SpringCase {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [`${prefix}.${name}`, value]));
}
