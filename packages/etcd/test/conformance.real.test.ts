import { adapterConformance } from '@rollcall/conformance';
import { encodeSegment, type InstanceKey } from '@rollcall/core';
import { type RunningEtcd, startRegistry, startTcpProxy, type TcpProxy } from '@rollcall-tools/registries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { etcdAdapter } from '../src/index.ts';
import { portOf } from './real-etcd.ts';

let etcd: RunningEtcd;
let proxy: TcpProxy;
beforeAll(async () => {
  etcd = await startRegistry('etcd', { own: true });
  proxy = await startTcpProxy({ targetHost: '127.0.0.1', targetPort: portOf(etcd.endpoints[0] ?? '') });
});
afterAll(async () => {
  await proxy.stop();
  await etcd.stop();
});

function keyOf({ namespace, service, id }: InstanceKey): string {
  return `/rollcall/${[namespace, service, id].map(encodeSegment).join('/')}`;
}

/** The lease under which an entry stands, in hexadecimal as etcd's command wants it. */
async function leaseOf(entry: InstanceKey): Promise<string> {
  const { kvs } = JSON.parse(await etcd.etcdctl(['get', keyOf(entry), '--write-out=json'])) as {
    kvs: [{ lease: number }];
  };
  return kvs[0].lease.toString(16);
}

const skipped = new Set<string>();

adapterConformance(
  { describe, it, skip: (_name, reason) => void skipped.add(reason) },
  {
    name: 'etcd',
    sample: etcdAdapter({}),
    createAdapter: () => etcdAdapter({ endpoints: [`http://127.0.0.1:${proxy.port}`] }),
    ttlMs: 2_000,
    async plant(entry, content) {
      // etcdctl takes an empty value only as an argument, and any other bytes only from its standard input.
      if (content === '') await etcd.etcdctl(['put', keyOf(entry), '']);
      else await etcd.etcdctl(['put', keyOf(entry)], { input: content });
    },
    async removeEntry(entry) {
      await etcd.etcdctl(['del', keyOf(entry)]);
    },
    async revokeLease(entry) {
      await etcd.etcdctl(['lease', 'revoke', await leaseOf(entry)]);
    },
    async cutConnections() {
      await proxy.cut();
      await proxy.restore();
    },
    outage: { begin: () => proxy.cut(), end: () => proxy.restore() },
    stall: { begin: () => proxy.blackhole(), end: () => proxy.restore() },
  },
);

it('etcd leaves out only what does not apply to it', () => {
  expect([...skipped]).toEqual([]);
});
