import { type RegistryType, type RunningByType, startRegistry } from '@rollcall-tools/registries';
import { createClient } from 'node-zookeeper-client';

import {
  type SpringApplication,
  startCurator,
  startDubbo,
  startGoZero,
  startGrpcNaming,
  startKitex,
  startKratos,
  startSpring,
} from '../frameworks.ts';
import { peerPrograms } from '../peer-programs.ts';
import {
  curatorCases,
  dubboCases,
  kitexCases,
  kratosCases,
  kratosOddCases,
  namedCases,
  SERVICE,
  springCases,
} from './cases.ts';
import { type GoldenFile, STEADY_MS, steady } from './golden-file.ts';
import { type RawEntries, record } from './record.ts';

const { kratos, naming, kitex, spring, dubbo } = peerPrograms;

const SPRING = ['Spring Boot', 'Spring Cloud'];

type Written = Omit<GoldenFile, 'registry'>;

/** What the frameworks write into each registry, fresh from its start. */
export const recordings = {
  etcd: () =>
    recordOn('etcd', async (server, endpoint) => {
      const below = (root: string) => () =>
        etcdEntries(server.etcdctl(['get', root, '--prefix', '-w', 'json']));
      const published = { 'an address': { service: SERVICE, id: 7_587_869, addr: '10.0.0.7:8080' } };
      return [
        {
          name: 'kratos',
          program: kratos,
          by: ['Kratos', 'Kratos contrib'],
          entries: await record({
            peer: await startKratos('etcd', endpoint),
            cases: { ...kratosCases, ...kratosOddCases },
            read: below('/microservices/'),
          }),
        },
        {
          name: 'grpc-naming',
          program: naming,
          by: ['etcd'],
          entries: await record({
            peer: await startGrpcNaming(endpoint),
            cases: namedCases,
            read: below(`${SERVICE}/`),
          }),
        },
        {
          name: 'go-zero',
          program: naming,
          by: ['go-zero'],
          entries: await record({
            peer: await startGoZero(endpoint),
            cases: published,
            read: below(`${SERVICE}/`),
          }),
        },
        {
          name: 'kitex',
          program: kitex,
          by: ['Kitex', 'Kitex registry-etcd'],
          entries: await record({
            peer: await startKitex(endpoint),
            cases: kitexCases,
            read: below('kitex/registry-etcd/'),
          }),
        },
      ];
    }),

  zookeeper: () =>
    recordOn('zookeeper', async (_server, endpoint) => {
      const below = (parent: string) => () => zookeeperEntries(endpoint, parent);
      return [
        {
          name: 'kratos',
          program: kratos,
          by: ['Kratos', 'Kratos contrib'],
          entries: await record({
            peer: await startKratos('zookeeper', endpoint),
            cases: { ...kratosCases, ...kratosOddCases },
            read: below(`/microservices/${SERVICE}`),
          }),
        },
        {
          name: 'curator',
          program: spring,
          by: ['Curator'],
          entries: await record({
            peer: await startCurator(endpoint),
            cases: curatorCases,
            read: below(`/services/${SERVICE}`),
          }),
        },
        {
          name: 'spring',
          program: spring,
          by: [...SPRING, 'Curator'],
          entries: await record({
            peer: await startSpring('zookeeper', endpoint),
            cases: applications(springCases.zookeeper),
            read: below(`/services/${SERVICE}`),
          }),
        },
        {
          name: 'dubbo',
          program: dubbo,
          by: ['Dubbo'],
          entries: await record({
            peer: await startDubbo(endpoint),
            cases: dubboCases,
            read: below(`/services/${SERVICE}`),
          }),
        },
      ];
    }),

  consul: () =>
    recordOn('consul', async (_server, endpoint) => {
      const read = () => consulEntries(endpoint);
      return [
        {
          name: 'kratos',
          program: kratos,
          by: ['Kratos', 'Kratos contrib'],
          entries: await record({ peer: await startKratos('consul', endpoint), cases: kratosCases, read }),
        },
        {
          name: 'spring',
          program: spring,
          by: SPRING,
          entries: await record({
            peer: await startSpring('consul', endpoint),
            cases: applications(springCases.consul),
            read,
          }),
        },
      ];
    }),

  eureka: () =>
    recordOn('eureka', async (_server, endpoint) => [
      {
        name: 'spring',
        program: spring,
        by: SPRING,
        entries: await record({
          peer: await startSpring('eureka', endpoint, {
            // One that starts as `STARTING` has no change to tell, and would say nothing for 40 seconds.
            'eureka.client.initial-instance-info-replication-interval-seconds': '1',
          }),
          cases: applications(springCases.eureka),
          read: () => eurekaEntries(endpoint),
        }),
      },
    ]),

  nacos: () =>
    recordOn('nacos', async (_server, endpoint) => [
      {
        name: 'kratos',
        program: kratos,
        by: ['Kratos', 'Kratos contrib'],
        entries: await record({
          peer: await startKratos('nacos', endpoint),
          cases: kratosCases,
          read: () =>
            nacosEntries(
              endpoint,
              ['grpc', 'grpcs', 'http'].map((kind) => `${SERVICE}.${kind}`),
            ),
          entriesOf: ({ endpoints }) => endpoints?.length ?? 0,
        }),
      },
      {
        name: 'spring',
        program: spring,
        by: [...SPRING, 'Spring Cloud Alibaba'],
        entries: await record({
          peer: await startSpring('nacos', endpoint),
          cases: applications(springCases.nacos),
          read: () => nacosEntries(endpoint, [SERVICE]),
        }),
      },
    ]),
} as const satisfies Partial<Record<RegistryType, () => Promise<readonly GoldenFile[]>>>;

async function recordOn<Type extends RegistryType>(
  type: Type,
  run: (server: RunningByType[Type], endpoint: string) => Promise<readonly Written[]>,
): Promise<readonly GoldenFile[]> {
  const server = await startRegistry(type, { own: true });
  try {
    const files = await run(server, server.endpoints[0] ?? '');
    return files.map((file) => ({ registry: type, ...file }));
  } finally {
    await server.stop();
  }
}

function applications(
  cases: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Record<string, SpringApplication> {
  return Object.fromEntries(Object.entries(cases).map(([key, properties]) => [key, { key, properties }]));
}

async function etcdEntries(answer: Promise<string>): Promise<RawEntries> {
  const { kvs = [] } = JSON.parse(await answer) as { kvs?: { key: string; value: string }[] };
  const text = (base64: string) => Buffer.from(base64, 'base64').toString();
  return new Map(kvs.map(({ key, value }) => [text(key), { key: text(key), value: text(value) }]));
}

async function zookeeperEntries(endpoint: string, parent: string): Promise<RawEntries> {
  const client = createClient(endpoint, { sessionTimeout: 10_000 });
  const connected = new Promise<void>((resolve) => {
    client.once('connected', resolve);
  });
  client.connect();
  await connected;
  try {
    const names = await new Promise<string[]>((resolve) => {
      // Before the first registration there is no such node.
      client.getChildren(parent, (error, children) => resolve(error ? [] : children));
    });
    const dataOf = (path: string) =>
      new Promise<string>((resolve, reject) => {
        client.getData(path, (error, data) => (error ? reject(error) : resolve(String(data))));
      });
    return new Map(
      await Promise.all(
        names.map(async (name): Promise<[string, unknown]> => {
          const path = `${parent}/${name}`;
          const data = await dataOf(path);
          const steadied = data.replace(/("registrationTimeUTC":|"timestamp":")\d+/gu, `$1${STEADY_MS}`);
          return [path, { path, data: steadied }];
        }),
      ),
    );
  } finally {
    client.close();
  }
}

async function consulEntries(endpoint: string): Promise<RawEntries> {
  const entries = (await getJson(`${endpoint}/v1/health/service/${SERVICE}`)) as {
    Service: { ID: string };
    Checks: { CheckID: string; ServiceID: string; Type: string }[];
  }[];
  return new Map(
    entries.map(({ Service, Checks }) => [
      Service.ID,
      {
        Service: steady(Service, { CreateIndex: 1, ModifyIndex: 1 }),
        // What they say depends on when one looks.
        Checks: Checks.filter(({ ServiceID }) => ServiceID !== '')
          .map(({ CheckID, Type }) => ({ CheckID, Type }))
          .toSorted((a, b) => (a.CheckID < b.CheckID ? -1 : 1)),
      },
    ]),
  );
}

async function eurekaEntries(endpoint: string): Promise<RawEntries> {
  const found = (await getJson(`${endpoint}/apps`)) as {
    applications: { application: { instance: { instanceId: string }[] }[] };
  };
  const all = found.applications.application.flatMap(({ instance }) => instance);
  const moment = String(STEADY_MS);
  return new Map(
    all.map((each) => [
      each.instanceId,
      steady(each, {
        registrationTimestamp: STEADY_MS,
        lastRenewalTimestamp: STEADY_MS,
        serviceUpTimestamp: STEADY_MS,
        lastUpdatedTimestamp: moment,
        lastDirtyTimestamp: moment,
      }),
    ]),
  );
}

async function nacosEntries(endpoint: string, services: readonly string[]): Promise<RawEntries> {
  const lists = await Promise.all(
    services.map(async (service) => {
      const query = new URLSearchParams({ serviceName: service });
      return (await getJson(`${endpoint}/nacos/v1/ns/instance/list?${query.toString()}`)) as {
        hosts: { ip: string; port: number; serviceName: string }[];
      };
    }),
  );
  return new Map(
    lists.flatMap(({ hosts }) => hosts).map((host) => [`${host.serviceName} ${host.ip}:${host.port}`, host]),
  );
}

async function getJson(url: string): Promise<unknown> {
  const answer = await fetch(url, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return await answer.json();
}
