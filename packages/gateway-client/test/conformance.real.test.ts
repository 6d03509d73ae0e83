import { adapterConformance } from '@rollcall/conformance';
import { encodeSegment, type InstanceKey } from '@rollcall/core';
import {
  type RunningEtcd,
  type RunningGateway,
  startRegistry,
  startTcpProxy,
  type TcpProxy,
} from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayAdapter } from '../src/index.ts';
import { asOperator, placeOf } from './real-gateway.ts';

let etcd: RunningEtcd;
let onStore: RunningGateway;
let onEtcd: RunningGateway;
let proxies: readonly [TcpProxy, TcpProxy];
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
  const behind = { type: 'etcd', options: { endpoints: etcd.endpoints } };
  [onStore, onEtcd] = await Promise.all([
    startRegistry('gateway', { own: true, auth: { rootPassword: 'unused' } }),
    startRegistry('gateway', { own: true, behind }),
  ]);
  proxies = [await proxyOf(onStore), await proxyOf(onEtcd)];
}, 60_000);
afterAll(async () => {
  for (const proxy of proxies) await proxy.stop();
  await Promise.all([onStore.stop(), onEtcd.stop()]);
  await etcd.stop();
});

function proxyOf({ endpoints: [endpoint = ''] }: RunningGateway): Promise<TcpProxy> {
  return startTcpProxy({ targetHost: '127.0.0.1', targetPort: Number(new URL(endpoint).port) });
}

const skipped = new Map<string, Set<string>>();

/** The kit, through a proxy in front of a gateway. */
function conformance(
  name: string,
  of: () => { readonly gateway: RunningGateway; readonly proxy: TcpProxy },
  plant?: (entry: InstanceKey, content: string) => Promise<void>,
): void {
  const reasons = new Set<string>();
  skipped.set(name, reasons);
  adapterConformance(
    { describe, it, skip: (_name, reason) => void reasons.add(reason) },
    {
      name: `gateway (${name})`,
      sample: gatewayAdapter(),
      createAdapter() {
        const { gateway, proxy } = of();
        const { auth } = gateway;
        return gatewayAdapter({
          urls: [`http://127.0.0.1:${proxy.port}`],
          ...(auth && { token: auth.password }),
        });
      },
      ttlMs: 1_000,
      // 1 000 instances that come and go at once take a gateway seconds, on a core that it shares with all of us.
      callTimeoutMs: 15_000,
      ...(plant && { plant }),
      async removeEntry(entry) {
        await asOperator(of().gateway, 'DELETE', placeOf(entry));
      },
      async revokeLease(_entry, lease) {
        await asOperator(of().gateway, 'DELETE', ['leases', (lease as typeof lease & { id: string }).id]);
      },
      async cutConnections() {
        await of().proxy.cut();
        await of().proxy.restore();
      },
      outage: { begin: () => of().proxy.cut(), end: () => of().proxy.restore() },
      stall: { begin: () => of().proxy.blackhole(), end: () => of().proxy.restore() },
    },
  );
}

conformance('on a store', () => ({ gateway: onStore, proxy: proxies[0] }));
conformance(
  'before etcd',
  () => ({ gateway: onEtcd, proxy: proxies[1] }),
  async ({ namespace, service, id }, content) => {
    const key = `/rollcall/${[namespace, service, id].map(encodeSegment).join('/')}`;
    // etcdctl takes an empty value only as an argument, and any other bytes only from its standard input.
    if (content === '') await etcd.etcdctl(['put', key, '']);
    else await etcd.etcdctl(['put', key], { input: content });
  },
);

it('only what does not apply is left out', () => {
  expect(Object.fromEntries([...skipped].map(([name, reasons]) => [name, [...reasons]]))).toEqual({
    // A gateway takes nothing that isn't an instance.
    'on a store': ['the harness has no plant'],
    'before etcd': [],
  });
});
