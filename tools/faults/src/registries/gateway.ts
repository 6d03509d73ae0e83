import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createApiKey, type PolicyInput } from '@rollcall/access';
import { gatewayAdapter } from '@rollcall/gateway-client';
import { type RunningEtcd, type RunningGateway, startRegistry } from '@rollcall-tools/registries';
import { askHttp } from '../ask-http.ts';
import type { RegistryKind, RegistryUnderTest } from '../registry-kind.ts';
import { firstServer } from './first-server.ts';

const { crashSlackMs } = gatewayAdapter().capabilities;

type Key = ReturnType<typeof createApiKey>;

interface Keys {
  readonly operator: Key;
  /** The clients', at the start. */
  readonly ours: Key;
}

/** How long a change of the policy may take until gateways go by it, in milliseconds. */
const RELOAD_WITHIN_MS = 5_000;

/** All clients of the suite come from one address, and are one subject. */
const LIMITS = ['perAddress=false', 'perPrincipal=false', 'streamsPerPrincipal=12000'];

export const gateway: RegistryKind = {
  type: 'gateway',
  crashSlackMs,
  // Each request connects by itself.
  reconnectMs: 0,
  // Nobody leads: the next gateway is asked at once, and registered at.
  electionMs: 0,
  seenMs: 0,
  // One process writes what a thousand clients ask for, each on disk.
  fillMs: 15_000,
  ports: [{ offset: 0, wire: 'http' }],
  refusal: { code: 'UNAUTHENTICATED', names: /token/u },
  lacks: {
    endLease: 'only its client can',
    removeFromCatalog: 'one place only',
  },
  start: ({ nodes }) => start(nodes, { operator: createApiKey('operator'), ours: createApiKey('clients') }),
};

/** One has a store of its own; three stand in front of etcd. */
async function start(nodes: 1 | 3, keys: Keys): Promise<RegistryUnderTest> {
  const etcd = nodes === 3 ? await startRegistry('etcd', { own: true }) : undefined;
  const gateways = await startGateways(nodes, etcd);
  const [first] = gateways.nodes;
  if (!first) throw new Error('no gateway was started');
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-faults-gateway-'));
  const tokenFile = join(folder, 'token');
  const rotated = createApiKey('clients-rotated');
  let token = keys.ours;

  const ask = async (method: 'GET' | 'DELETE', path: string): Promise<unknown> => {
    const node = gateways.nodes.find(({ running }) => running) ?? first;
    const headers = { authorization: `Bearer ${keys.operator.key}` };
    return await askHttp(`${node.endpoint}/v1/${path}`, { method, headers });
  };
  const instancesOf = (service: string): string => `namespaces/default/services/${service}/instances`;
  /** Writes the policy, and waits until every gateway goes by it. */
  const letInOnly = async (allowed: readonly Key[]): Promise<void> => {
    const text = JSON.stringify(policyOf(keys.operator, allowed));
    // As editors and ConfigMaps do it: nobody reads half of it.
    const file = gateways.policyFile ?? '';
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
    const asked = [keys.operator, keys.ours, rotated].map((key) => ({
      key,
      isIn: key === keys.operator || allowed.includes(key),
    }));
    for (const { endpoint } of gateways.nodes.filter(({ running }) => running))
      for (const { key, isIn } of asked) await untilLetIn(endpoint, key, isIn);
  };
  await letInOnly([token]);
  await writeFile(tokenFile, token.key, { mode: 0o600 });

  return {
    port: Number(new URL(first.endpoint).port),
    secrets: [gateways.auth?.password ?? '', keys.operator.key, keys.ours.key, rotated.key],
    client: (port) => ({
      type: 'gateway',
      options: {
        urls: port === undefined ? [...gateways.endpoints] : [`http://127.0.0.1:${port}`],
        tokenFile,
      },
    }),
    async listed(service) {
      const { instances } = (await ask('GET', instancesOf(service))) as {
        instances: readonly { id: string }[];
      };
      return instances.map(({ id }) => id);
    },
    ...firstServer(first),
    startTwin: () => start(1, keys),
    operator: {
      killLeader: () => first.kill(),
      async remove(service, id) {
        await ask('DELETE', `${instancesOf(service)}/${id}`);
      },
      lockOut: () => letInOnly([]),
      letIn: () => letInOnly([token]),
      async rotate() {
        await letInOnly([token, rotated]);
        await writeFile(tokenFile, rotated.key, { mode: 0o600 });
        token = rotated;
        await letInOnly([token]);
      },
    },
    async stop() {
      await gateways.stop();
      await etcd?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startGateways(nodes: 1 | 3, etcd: RunningEtcd | undefined): Promise<RunningGateway> {
  return await startRegistry('gateway', {
    own: true,
    nodes,
    auth: { rootPassword: 'unused' },
    flags: LIMITS,
    ...(etcd && { behind: { type: 'etcd', options: { endpoints: etcd.endpoints } } }),
  });
}

function policyOf(operator: Key, allowed: readonly Key[]): PolicyInput {
  return {
    roles: { all: [{ verbs: ['*'], namespaces: ['*'], services: ['*'] }] },
    keys: [
      { id: idOf(operator), hash: operator.hash, subject: 'operator', roles: ['all'] },
      // Another key of the same clients is the same subject: what they registered stays theirs.
      ...allowed.map((key) => ({ id: idOf(key), hash: key.hash, subject: 'clients', roles: ['all'] })),
    ],
  };
}

function idOf({ key }: Key): string {
  return key.split('_')[1] ?? '';
}

async function untilLetIn(endpoint: string, { key }: Key, isIn: boolean): Promise<void> {
  const deadline = performance.now() + RELOAD_WITHIN_MS;
  for (;;) {
    const headers = { authorization: `Bearer ${key}`, connection: 'close' };
    const { status } = await fetch(`${endpoint}/v1/me`, { headers, signal: AbortSignal.timeout(5_000) });
    if ((status === 200) === isIn) return;
    if (performance.now() > deadline)
      throw new Error(`the gateway answers ${status} to a key that is ${isIn ? 'in' : 'not in'} its policy`);
    await pause(50);
  }
}
