import { randomUUID } from 'node:crypto';
import { defineInstance } from '@rollcall/core';
import { etcdAdapter, type EtcdOptions } from '@rollcall/etcd';
import { startRegistry } from '@rollcall-tools/registries';
import type { RegistryKind, RegistryUnderTest } from '../registry-kind.ts';

const USER = 'rollcall';
const PREFIX = '/rollcall';
const CHANGES = 300;

export const etcd: RegistryKind = {
  type: 'etcd',
  crashSlackMs: etcdAdapter().capabilities.crashSlackMs,
  // `grpc.max_reconnect_backoff_ms` of the adapter, which grpc-js spreads by a fifth.
  reconnectMs: 3_000 * 1.2,
  // The servers are started with an election timeout of 500 ms, which each doubles at random, and may need several rounds.
  electionMs: 3_000,
  powers: ['killLeader', 'endLease', 'remove', 'forgetHistory', 'lockOut', 'letIn'],
  start,
};

async function start({ nodes }: { readonly nodes: 1 | 3 }): Promise<RegistryUnderTest> {
  const secrets = { root: newPassword(), ours: newPassword(), another: newPassword() };
  const servers = await startRegistry('etcd', { own: true, nodes, auth: { rootPassword: secrets.root } });
  const [first] = servers.nodes;
  if (!first) throw new Error('etcd was started without a node');
  const addUser = async (): Promise<void> => {
    await servers.etcdctl(['user', 'add', USER, '--interactive=false'], { input: `${secrets.ours}\n` });
    await servers.etcdctl(['role', 'add', USER]);
    await servers.etcdctl(['role', 'grant-permission', USER, 'readwrite', '--prefix', `${PREFIX}/`]);
    await servers.etcdctl(['user', 'grant-role', USER, USER]);
  };
  const setPassword = async (password: string): Promise<void> => {
    await servers.etcdctl(['user', 'passwd', USER, '--interactive=false'], { input: `${password}\n` });
  };
  const keyOf = (service: string, id: string): string => `${PREFIX}/default/${service}/${id}`;
  await addUser();
  const ours = { endpoints: [...servers.endpoints], username: USER, password: secrets.ours };
  await growOld(ours);

  return {
    port: Number(new URL(first.endpoint).port),
    secrets: Object.values(secrets),
    client: (port) => ({
      type: 'etcd',
      options: { ...ours, ...(port !== undefined && { endpoints: [`http://127.0.0.1:${port}`] }) },
    }),
    async listed(service) {
      const prefix = keyOf(service, '');
      const keys = await servers.etcdctl(['get', '--prefix', '--keys-only', prefix]);
      return keys
        .split('\n')
        .filter((key) => key !== '')
        .map((key) => key.slice(prefix.length));
    },
    kill: () => first.kill(),
    async restart({ wipe = false } = {}) {
      await first.restart({ wipe });
      if (wipe) await addUser();
    },
    freeze: () => first.freeze(),
    thaw: () => first.thaw(),
    operator: {
      async killLeader() {
        const leader = await servers.leader();
        await leader.kill();
      },
      async endLease(service, id) {
        const fields = await servers.etcdctl(['get', keyOf(service, id), '--write-out', 'fields']);
        await servers.etcdctl(['lease', 'revoke', BigInt(field(fields, 'Lease')).toString(16)]);
      },
      async remove(service, id) {
        const deleted = await servers.etcdctl(['del', keyOf(service, id)]);
        if (deleted.trim() !== '1') throw new Error(`etcd had no ${keyOf(service, id)} to delete`);
      },
      async forgetHistory() {
        const fields = await servers.etcdctl(['get', PREFIX, '--write-out', 'fields']);
        await servers.etcdctl(['compact', field(fields, 'Revision')]);
      },
      lockOut: () => setPassword(secrets.another),
      letIn: () => setPassword(secrets.ours),
    },
    stop: () => servers.stop(),
  };
}

/**
 * Makes many changes, as a registry has that runs for a while. etcd's tokens name the number of changes at the time, and a
 * server that was emptied doesn't refuse a token from later than its own time: it waits.
 */
async function growOld(options: EtcdOptions): Promise<void> {
  const adapter = etcdAdapter(options);
  const past = defineInstance({ service: 'past', id: 'past', host: '10.0.0.7', port: 8080 });
  const signal = AbortSignal.timeout(30_000);
  try {
    await adapter.open(signal);
    for (let change = 0; change < CHANGES; change++) await adapter.register(past, { ttlMs: 60_000, signal });
    await adapter.deregister(past, { signal });
  } finally {
    await adapter.close();
  }
}

/** A field of the layout `fields`, which has whole 64-bit numbers where JSON's would lose digits. */
function field(fields: string, name: string): string {
  const value = new RegExp(`^"${name}" : (\\d+)$`, 'm').exec(fields)?.[1];
  if (value === undefined) throw new Error(`etcdctl gave no ${name}`);
  return value;
}

/** One that would also be found in a URL, where signs are escaped. */
function newPassword(): string {
  return `pass/${randomUUID()}`;
}
