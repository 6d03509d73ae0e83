import { adapterConformance } from '@rollcall/conformance';
import type { InstanceKey } from '@rollcall/core';
import { type RunningEureka, startRegistry, startTcpProxy, type TcpProxy } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eurekaAdapter, type EurekaOptions } from '../src/index.ts';
import { LAYOUTS } from './adapter-under-test.ts';
import { Operator } from './real-eureka.ts';

/** The times of the server that is started here. */
const TIMES: EurekaOptions = { pollIntervalMs: 200, responseCacheMs: 500, evictionIntervalMs: 1_000 };

let eureka: RunningEureka;
let proxy: TcpProxy;
let operator: Operator;
beforeAll(async () => {
  eureka = await startRegistry('eureka', { own: true });
  const [endpoint = ''] = eureka.endpoints;
  proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(endpoint).port) });
  operator = new Operator(endpoint);
});
afterAll(async () => {
  await proxy.stop();
  await eureka.stop();
});

const skipped = new Map<string, Set<string>>();

/** The kit, with each layout. */
for (const layout of ['rollcall', 'spring', 'kratos'] as const) {
  const reasons = new Set<string>();
  skipped.set(layout, reasons);
  const { [layout]: written } = LAYOUTS;
  const placeOf = (entry: InstanceKey) => ({
    app: written.app(entry),
    instanceId: written.instanceId(entry),
  });
  const remove = (entry: InstanceKey) => operator.remove(placeOf(entry));
  adapterConformance(
    { describe, it, skip: (_name, reason) => void reasons.add(reason) },
    {
      name: `eureka (${layout})`,
      otherLayout: layout !== 'rollcall',
      sample: eurekaAdapter({ layout, ...TIMES }),
      createAdapter: () =>
        eurekaAdapter({ servers: [`http://127.0.0.1:${proxy.port}/eureka`], layout, ...TIMES }),
      ttlMs: 2_000,
      // Eureka takes what isn't an instance of its own for nothing, so it is one that can't be an instance of ours.
      plant: (entry, content) =>
        operator.post({
          ...placeOf(entry),
          metadata: { 'rollcall.weight': content, Endpoints: 'http://10.0.0.9:8080' },
        }),
      removeEntry: remove,
      revokeLease: remove,
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
  const plain = [
    'it is the same with each layout',
    'the registry does not take any name',
    'the registry has no namespaces',
  ];
  expect(
    Object.fromEntries([...skipped].map(([layout, reasons]) => [layout, [...reasons].toSorted()])),
  ).toEqual({ rollcall: [], spring: plain, kratos: plain });
});
