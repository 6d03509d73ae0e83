import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApiKey, type PolicyInput } from '@rollcall/access';
import { type Certificates, makeCertificates } from '../certificates.ts';
import type { RunningGateway, RunningRegistry } from '../contract.ts';
import { httpLook } from '../http-look.ts';
import { type GroupPlan, type Place, ServerGroup } from '../server-group.ts';
import type { GatewaySettings } from './gateway-process.ts';
import { attached } from './attached.ts';
import type { ServerKind } from './server-kind.ts';

const PROGRAM = 'node';
const PROCESS = fileURLToPath(new URL('gateway-process.ts', import.meta.url));

/** Rollcall's own gateway, run from its source by the Node.js that is on `PATH`. */
export const gateway: ServerKind<'gateway'> = {
  type: 'gateway',
  version: 'of this repository',
  programs: [PROGRAM],
  endpointsVariable: 'ROLLCALL_GATEWAY_ENDPOINTS',
  programVariable: 'ROLLCALL_GATEWAY_NODE',
  recipes: [],

  attach: (endpoints) => attached('gateway', endpoints),

  async start(programs, options) {
    const { nodes = 1, auth, behind, tls = false } = options;
    if (nodes > 1 && !behind)
      throw new Error(
        'gateway: three need a registry behind them: give `behind`, as a store is for one alone',
      );
    const scheme = tls === false ? 'http' : 'https';
    let certificates: Certificates | undefined;
    let policyFile: string | undefined;
    let root: RunningRegistry['auth'];
    const files = () =>
      certificates && { caFile: certificates.caFile, ...(tls === 'mutual' && certificates.client) };
    const endpoint = (place: Place) => `${scheme}://127.0.0.1:${place.ports[0]}`;

    const plan: GroupPlan = {
      type: 'gateway',
      nodes,
      portsPerNode: 1,
      port: options.port,
      detached: options.detached ?? false,
      readyWithinMs: 60_000,
      endpoint,
      async setUp(folder) {
        if (tls !== false) certificates = await makeCertificates(folder);
        if (!auth) return;
        policyFile = join(folder, 'policy.json');
        const { key, hash } = createApiKey('root');
        root = { username: 'root', password: key };
        writeFileSync(policyFile, JSON.stringify(rootPolicy(hash), null, 2), { mode: 0o600 });
      },
      command(place) {
        const [file, readyFile] = [join(place.folder, 'settings.json'), readyFileOf(place)];
        const registry = behind ?? { type: 'store', options: { path: place.dataFolder } };
        const settings: GatewaySettings = {
          name: place.name,
          readyFile,
          config: { registry, log: { level: 'warn' } },
          ...(place.ports[0] !== undefined && { port: place.ports[0] }),
          ...(policyFile !== undefined && { policyFile }),
          ...(certificates && { tls: serverTls(certificates, tls === 'mutual') }),
          limits: limitsOf(options.flags ?? []),
        };
        rmSync(readyFile, { force: true });
        writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
        // The loader by its address: the gateway runs in a folder of its own.
        const loader = ['--conditions=@rollcall/source', '--import', import.meta.resolve('tsx')];
        return { program: programs.path(PROGRAM), args: [...loader, PROCESS, file] };
      },
      async isReady(place) {
        // What it writes tells that it is our own server, and not one that took the port.
        if (!existsSync(readyFileOf(place))) return false;
        return (await httpLook(`${endpoint(place)}/readyz`, files())) !== undefined;
      },
    };
    const group = await ServerGroup.start(plan);
    const tlsFiles = files();
    const running: RunningGateway = {
      type: 'gateway',
      endpoints: group.nodes.map((node) => node.endpoint),
      nodes: group.nodes,
      source: `this repository, ${programs.source}`,
      folder: group.folder,
      ...(root && { auth: root }),
      ...(policyFile !== undefined && { policyFile }),
      ...(tlsFiles && { tls: tlsFiles }),
      restart: (restartOptions) => group.restart(restartOptions),
      stop: () => group.stop(),
    };
    return running;
  },
};

function readyFileOf(place: Place): string {
  return join(place.folder, 'ready');
}

/** The holder of the key `root` may do everything, and nobody else anything. */
function rootPolicy(hash: string): PolicyInput {
  return {
    roles: { root: [{ verbs: ['*'], namespaces: ['*'], services: ['*'] }] },
    keys: [{ id: 'root', hash, subject: 'root', roles: ['root'] }],
  };
}

function serverTls({ caFile, server }: Certificates, isMutual: boolean): NonNullable<GatewaySettings['tls']> {
  return { ...server, ...(isMutual && { clientCaFile: caFile }) };
}

/** `streams=50000` is the limit of that name. */
function limitsOf(flags: readonly string[]): NonNullable<GatewaySettings['limits']> {
  const pairs = flags.map((flag) => flag.split('='));
  return Object.fromEntries(pairs.map(([name, value]) => [name, value === 'false' ? false : Number(value)]));
}
