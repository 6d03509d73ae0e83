import { adapterConformance } from '@rollcall/conformance';
import { type RunningConsul, startRegistry, startTcpProxy, type TcpProxy } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consulAdapter } from '../src/index.ts';
import { encodeServiceName } from '../src/layouts/names.ts';
import { Operator } from './operator.ts';

let consul: RunningConsul;
let proxy: TcpProxy;
let operator: Operator;
beforeAll(async () => {
  consul = await startRegistry('consul', { own: true });
  const [endpoint = ''] = consul.endpoints;
  proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(endpoint).port) });
  operator = new Operator(endpoint);
});
afterAll(async () => {
  await proxy.stop();
  await consul.stop();
});

const skipped = new Map<string, Set<string>>();

/** The kit, with each layout. */
for (const layout of ['rollcall', 'spring', 'kratos'] as const) {
  const reasons = new Set<string>();
  skipped.set(layout, reasons);
  adapterConformance(
    { describe, it, skip: (_name, reason) => void reasons.add(reason) },
    {
      name: `consul (${layout})`,
      otherLayout: layout !== 'rollcall',
      sample: consulAdapter({ layout }),
      createAdapter: () => consulAdapter({ addresses: [`http://127.0.0.1:${proxy.port}`], layout }),
      plant: (entry, content) =>
        operator.plant(entry, content, layout === 'rollcall' ? encodeServiceName(entry) : entry.service),
      removeEntry: (entry) => operator.removeFromCatalog(entry),
      revokeLease: (entry) => operator.removeFromAgent(entry),
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
