import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { consulAdapter } from '@rollcall/consul';
import { startRegistry } from '@rollcall-tools/registries';
import { askHttp } from '../ask-http.ts';
import type { RegistryKind, RegistryUnderTest } from '../registry-kind.ts';
import { firstServer, killLeaderOf } from './first-server.ts';

const { propagationMs } = consulAdapter().capabilities;

const RULES = 'service_prefix "" { policy = "write" } node_prefix "" { policy = "read" }';
/** The policy of the clients, and the role of each of their tokens. */
const CLIENTS = 'clients';

interface Secrets {
  readonly management: string;
  /** The clients' token, at the start. */
  readonly ours: string;
}

export const consul: RegistryKind = {
  type: 'consul',
  // Less than the adapter declares: other processes beat at each agent, by which it tells what it knows.
  crashSlackMs: 4_000,
  // Each request connects by itself.
  reconnectMs: 0,
  // A follower misses the leader after a second or two, and the agents learn who leads now.
  electionMs: 5_000,
  seenMs: propagationMs,
  // An agent tells the servers of one entry after the other, some fifty in a second, each on disk.
  fillMs: 20_000,
  // Where hundreds share an agent, docs/reliability.md says: longer than it needs for them all.
  crowdSettings: { requestTimeoutMs: 30_000 },
  ports: [{ offset: 0, wire: 'http' }],
  refusal: { code: 'UNAUTHENTICATED', names: /token/u },
  lacks: {},
  start: ({ nodes }) => start(nodes, { management: randomUUID(), ours: randomUUID() }),
};

async function start(nodes: 1 | 3, secrets: Secrets): Promise<RegistryUnderTest> {
  const servers = await startRegistry('consul', {
    own: true,
    nodes,
    auth: { rootPassword: secrets.management },
    // All clients of the suite come from one address.
    flags: ['-hcl', 'limits { http_max_conns_per_client = 12000 }'],
  });
  const [first] = servers.nodes;
  if (!first) throw new Error('consul was started without a node');
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-faults-consul-'));
  const tokenFile = join(folder, 'token');
  const rotated = { ...secrets, ours: randomUUID() };
  let token = { secret: secrets.ours, accessor: randomUUID() };

  const ask = async (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown> => {
    const node = servers.nodes.find(({ running }) => running) ?? first;
    return await askHttp(`${node.endpoint}/v1/${path}`, {
      method,
      headers: { 'x-consul-token': secrets.management },
      ...(body && { body: JSON.stringify(body) }),
    });
  };
  const addToken = async (): Promise<void> => {
    const Policies = [{ Name: CLIENTS }];
    await ask('PUT', 'acl/token', { AccessorID: token.accessor, SecretID: token.secret, Policies });
  };
  const setUp = async (): Promise<void> => {
    await ask('PUT', 'acl/policy', { Name: CLIENTS, Rules: RULES });
    await addToken();
  };
  const entries = async (service: string) =>
    (await ask('GET', `health/service/${service}?passing=true`)) as {
      readonly Node: { readonly Node: string };
      readonly Service: { readonly ID: string };
    }[];
  const idOf = (service: string, id: string): string => `${service}~~${id}`;
  await setUp();
  await writeFile(tokenFile, token.secret, { mode: 0o600 });

  return {
    port: Number(new URL(first.endpoint).port),
    secrets: [secrets.management, secrets.ours, rotated.ours],
    client: (port) => ({
      type: 'consul',
      options: {
        addresses: port === undefined ? [...servers.endpoints] : [`http://127.0.0.1:${port}`],
        tokenFile,
      },
    }),
    async listed(service) {
      const prefix = idOf(service, '');
      const ids = (await entries(service)).map(({ Service }) => Service.ID.slice(prefix.length));
      // Those of a killed agent stand beside the new ones until the servers miss it. Readers must see one of each: the judge looks at that.
      return [...new Set(ids)];
    },
    ...firstServer(first, setUp),
    startTwin: () => start(1, secrets),
    operator: {
      killLeader: () => killLeaderOf(servers),
      // Its check fails until the next beat.
      async endLease(service, id) {
        await ask('PUT', `agent/check/fail/rollcall:${idOf(service, id)}`);
      },
      async remove(service, id) {
        await ask('PUT', `agent/service/deregister/${idOf(service, id)}`);
      },
      async removeFromCatalog(service, id) {
        const ServiceID = idOf(service, id);
        const entry = (await entries(service)).find(({ Service }) => Service.ID === ServiceID);
        if (!entry) throw new Error(`consul lists no ${ServiceID}`);
        await ask('PUT', 'catalog/deregister', { Node: entry.Node.Node, ServiceID });
      },
      async lockOut() {
        await ask('DELETE', `acl/token/${token.accessor}`);
      },
      letIn: addToken,
      async rotate() {
        const former = token;
        token = { secret: rotated.ours, accessor: randomUUID() };
        await addToken();
        await writeFile(tokenFile, token.secret, { mode: 0o600 });
        await ask('DELETE', `acl/token/${former.accessor}`);
      },
    },
    async stop() {
      await servers.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
