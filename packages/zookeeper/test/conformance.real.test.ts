import { adapterConformance } from '@rollcall/conformance';
import type { InstanceKey } from '@rollcall/core';
import {
  type RunningZooKeeper,
  startRegistry,
  startTcpProxy,
  type TcpProxy,
} from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zookeeperAdapter } from '../src/index.ts';
import { killSession, Operator, pathOf } from './real-zookeeper.ts';

const PATHS = {
  rollcall: pathOf,
  spring: ({ service, id }: InstanceKey) => `/services/${service}/${id}`,
  kratos: ({ service, id }: InstanceKey) => `/microservices/${service}/${id}`,
};

let zookeeper: RunningZooKeeper;
let proxy: TcpProxy;
let operator: Operator;
beforeAll(async () => {
  zookeeper = await startRegistry('zookeeper', { own: true });
  const [endpoint = ''] = zookeeper.endpoints;
  proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: Number(endpoint.split(':')[1]) });
  operator = await Operator.connect(endpoint);
});
afterAll(async () => {
  operator.close();
  await proxy.stop();
  await zookeeper.stop();
});

const skipped = new Map<string, Set<string>>();

/** The kit, with each layout. */
for (const layout of ['rollcall', 'spring', 'kratos'] as const) {
  const reasons = new Set<string>();
  skipped.set(layout, reasons);
  const place = PATHS[layout];
  adapterConformance(
    { describe, it, skip: (_name, reason) => void reasons.add(reason) },
    {
      name: `zookeeper (${layout})`,
      otherLayout: layout !== 'rollcall',
      sample: zookeeperAdapter({ layout }),
      createAdapter: () => zookeeperAdapter({ hosts: [`127.0.0.1:${proxy.port}`], layout }),
      ttlMs: 4_000,
      plant: (entry, content) => operator.write(place(entry), content),
      removeEntry: (entry) => operator.remove(place(entry)),
      async revokeLease(entry) {
        await killSession(zookeeper.endpoints[0] ?? '', (await operator.ownerOf(place(entry))) ?? '');
      },
      async cutConnections() {
        await proxy.cut();
        await proxy.restore();
      },
      outage: { begin: () => proxy.cut(), end: () => proxy.restore() },
      stall: { begin: () => proxy.blackhole(), end: () => proxy.restore() },
    },
  );
}

it('only what does not apply is left out', () => {
  const liveness = "the registry's liveness is session, not lease";
  const plain = [
    'it is the same with each layout',
    'the registry does not take any name',
    'the registry has no namespaces',
  ];
  expect(
    Object.fromEntries([...skipped].map(([layout, reasons]) => [layout, [...reasons].toSorted()])),
  ).toEqual({
    rollcall: [liveness],
    spring: plain,
    kratos: plain,
  });
});
