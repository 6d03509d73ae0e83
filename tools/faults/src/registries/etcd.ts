import { defineInstance } from '@rollcall/core';
import { etcdAdapter, type EtcdOptions } from '@rollcall/etcd';
import { startRegistry } from '@rollcall-tools/registries';
import { newPassword } from '../new-password.ts';
import type { RegistryKind, RegistryUnderTest } from '../registry-kind.ts';
import { firstServer, killLeaderOf } from './first-server.ts';

const USER = 'rollcall';
const PREFIX = '/rollcall';
const CHANGES = 300;
const SIDE_BY_SIDE = 10;

interface Secrets {
  readonly root: string;
  readonly ours: string;
  readonly another: string;
}

export const etcd: RegistryKind = {
  type: 'etcd',
  crashSlackMs: etcdAdapter().capabilities.crashSlackMs,
  // `grpc.max_reconnect_backoff_ms` of the adapter, which grpc-js spreads by a fifth.
  reconnectMs: 3_000 * 1.2,
  // The servers are started with an election timeout of 500 ms, which each doubles at random, and may need several rounds.
  electionMs: 3_000,
  seenMs: 0,
  ports: [{ offset: 0, wire: 'grpc' }],
  refusal: { code: 'UNAUTHENTICATED', names: /password/u },
  lacks: {
    removeFromCatalog: 'one place only',
    rotate: 'a password only',
  },
  start: ({ nodes }) => start(nodes, { root: newPassword(), ours: newPassword(), another: newPassword() }),
};

async function start(nodes: 1 | 3, secrets: Secrets): Promise<RegistryUnderTest> {
  const servers = await startRegistry('etcd', {
    own: true,
    nodes,
    auth: { rootPassword: secrets.root },
    // A login of each of a thousand clients is to cost a server on two cores no more than another request.
    flags: ['--bcrypt-cost', '4'],
  });
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
    ...firstServer(first, addUser),
    startTwin: () => start(1, secrets),
    operator: {
      killLeader: () => killLeaderOf(servers),
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
  const signal = AbortSignal.timeout(60_000);
  const change = async (id: string): Promise<void> => {
    const past = defineInstance({ service: 'past', id, host: '10.0.0.7', port: 8080 });
    for (let made = 0; made < CHANGES / SIDE_BY_SIDE; made++)
      // oxlint-disable-next-line no-await-in-loop -- one write of an instance at a time
      await adapter.register(past, { ttlMs: 60_000, signal });
    await adapter.deregister(past, { signal });
  };
  try {
    await adapter.open(signal);
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, (_, i) => change(`past-${i}`)));
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
