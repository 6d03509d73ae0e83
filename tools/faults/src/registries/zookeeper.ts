import { encodeSegment } from '@rollcall/core';
import { zookeeperAdapter } from '@rollcall/zookeeper';
import { endZooKeeperSession, startRegistry, ZooKeeperOperator } from '@rollcall-tools/registries';
import { newPassword } from '../new-password.ts';
import type { RegistryKind, RegistryUnderTest } from '../registry-kind.ts';
import { firstServer, killLeaderOf } from './first-server.ts';

const USER = 'rollcall';
const CHROOT = '/rollcall';
/** The service whose list the operator opens and closes to the clients. */
const SERVICE = 'user-service';

interface Secrets {
  readonly ours: string;
  readonly operator: string;
}

export const zookeeper: RegistryKind = {
  type: 'zookeeper',
  crashSlackMs: zookeeperAdapter().capabilities.crashSlackMs,
  // The adapter connects when it is asked to, and pauses never.
  reconnectMs: 0,
  // Three servers on one machine agree within a second; then the leader reads its data and the others follow.
  electionMs: 3_000,
  seenMs: 0,
  ports: [{ offset: 0, wire: 'zookeeper' }],
  // A password is never refused: it is another user's, who has no right to the nodes.
  refusal: { code: 'PERMISSION_DENIED', names: /user|access/iu },
  lacks: {
    removeFromCatalog: 'one place only',
    rotate: 'a password only',
  },
  start: ({ nodes }) => start(nodes, { ours: newPassword(), operator: newPassword() }),
};

async function start(nodes: 1 | 3, secrets: Secrets): Promise<RegistryUnderTest> {
  const servers = await startRegistry('zookeeper', { own: true, nodes });
  const [first] = servers.nodes;
  if (!first) throw new Error('zookeeper was started without a node');
  const client = `${USER}:${secrets.ours}`;
  const operator = `operator:${secrets.operator}`;
  const as = async <T>(users: readonly string[], act: (one: ZooKeeperOperator) => Promise<T>): Promise<T> => {
    const one = await ZooKeeperOperator.connect(servers.endpoints.join(','), { users, withinMs: 5_000 });
    try {
      return await act(one);
    } finally {
      one.close();
    }
  };
  const serviceNode = (service: string): string => `${CHROOT}/default/${encodeSegment(service)}`;
  const nodeOf = (service: string, id: string): string => `${serviceNode(service)}/${encodeSegment(id)}`;
  const letIn = (service: string) => as([operator, client], (both) => both.take(serviceNode(service)));
  const setUp = async (): Promise<void> => {
    // A client may have been faster: then the node is its own.
    await as([operator, client], (both) => both.write(serviceNode(SERVICE), ''));
    await letIn(SERVICE);
  };
  await setUp();

  return {
    port: portOf(first.endpoint),
    secrets: Object.values(secrets),
    client: (port) => ({
      type: 'zookeeper',
      options: {
        hosts: port === undefined ? [...servers.endpoints] : [`127.0.0.1:${port}`],
        username: USER,
        password: secrets.ours,
      },
    }),
    listed: (service) => as([operator, client], (both) => both.namesBelow(serviceNode(service))),
    ...firstServer(first, setUp),
    startTwin: () => start(1, secrets),
    operator: {
      killLeader: () => killLeaderOf(servers),
      async endLease(service, id) {
        const session = await as([client], (one) => one.ownerOf(nodeOf(service, id)));
        if (session === undefined) throw new Error(`zookeeper had no ${nodeOf(service, id)}`);
        await endZooKeeperSession(first.endpoint, session);
      },
      remove: (service, id) => as([client], (one) => one.remove(nodeOf(service, id))),
      lockOut: (service) => as([operator], (one) => one.take(serviceNode(service))),
      letIn,
    },
    stop: () => servers.stop(),
  };
}

function portOf(endpoint: string): number {
  return Number(endpoint.split(':')[1]);
}
