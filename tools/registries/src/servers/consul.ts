import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Certificates, makeCertificates } from '../certificates.ts';
import type { RunningConsul, TlsFiles } from '../contract.ts';
import { httpLook } from '../http-look.ts';
import { dockerImage } from '../recipes/docker-image.ts';
import { goBuild } from '../recipes/go-build.ts';
import { type GroupPlan, type Place, ServerGroup } from '../server-group.ts';
import { until } from '../until.ts';
import { attached, attachedLeader } from './attached.ts';
import type { ServerKind } from './server-kind.ts';

const VERSION = '1.22.7';
/** The `api` that this version declares doesn't compile with it. */
const API_VERSION = '1.34.1';

export const consul: ServerKind<'consul'> = {
  type: 'consul',
  version: VERSION,
  programs: ['consul'],
  endpointsVariable: 'ROLLCALL_CONSUL_ENDPOINTS',
  programVariable: 'ROLLCALL_CONSUL_BIN',
  recipes: [
    dockerImage({ image: `hashicorp/consul:${VERSION}`, files: ['/bin/consul'] }),
    goBuild({
      modules: [`github.com/hashicorp/consul@v${VERSION}`, `github.com/hashicorp/consul/api@v${API_VERSION}`],
      programs: { consul: 'github.com/hashicorp/consul' },
      goVersion: '1.26',
    }),
  ],

  attach: (endpoints) => ({ ...attached('consul', endpoints), leader: attachedLeader }),

  async start(programs, options) {
    const { nodes = 1, auth, tls = false } = options;
    const scheme = tls === false ? 'http' : 'https';
    let certificates: Certificates | undefined;
    const tlsFiles = (): TlsFiles | undefined => certificates && clientFiles(certificates, tls === 'mutual');
    const look = (place: Place, path: string) =>
      httpLook(
        `${clientUrl(place, scheme)}${path}${auth ? `?token=${encodeURIComponent(auth.rootPassword)}` : ''}`,
        tlsFiles(),
      );

    const plan: GroupPlan = {
      type: 'consul',
      nodes,
      portsPerNode: 3,
      port: options.port,
      detached: options.detached ?? false,
      readyWithinMs: 60_000,
      endpoint: (place) => clientUrl(place, scheme),
      async setUp(folder) {
        if (tls !== false) certificates = await makeCertificates(folder);
      },
      command(place, all) {
        // In a file, because everybody on the machine can read a command line, and a token is in it.
        const file = join(place.folder, 'agent.json');
        const settings = configuration({ token: auth?.rootPassword, certificates, mutual: tls === 'mutual' });
        writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
        return {
          program: programs.path('consul'),
          args: [
            'agent',
            '-server',
            `-config-file=${file}`,
            `-bootstrap-expect=${all.length}`,
            `-node=${place.name}`,
            `-data-dir=${place.dataFolder}`,
            '-bind=127.0.0.1',
            '-client=127.0.0.1',
            '-dns-port=-1',
            '-grpc-port=-1',
            '-grpc-tls-port=-1',
            '-serf-wan-port=-1',
            `-server-port=${place.ports[1]}`,
            `-serf-lan-port=${place.ports[2]}`,
            `-http-port=${scheme === 'http' ? place.ports[0] : -1}`,
            `-https-port=${scheme === 'https' ? place.ports[0] : -1}`,
            ...all.filter((each) => each !== place).map((each) => `-retry-join=127.0.0.1:${each.ports[2]}`),
            ...(options.flags ?? []),
          ],
        };
      },
      async isReady(place) {
        // Its name tells that it is this server, and not one that took the port; in the catalog it is only when there is a leader.
        const self = await look(place, '/v1/agent/self');
        if (!self?.includes(`"${place.name}"`)) return false;
        return (await look(place, '/v1/catalog/nodes'))?.includes(`"${place.name}"`) ?? false;
      },
    };

    const group = await ServerGroup.start(plan);
    const files = tlsFiles();
    const running: RunningConsul = {
      type: 'consul',
      endpoints: group.nodes.map(({ endpoint }) => endpoint),
      nodes: group.nodes,
      source: programs.source,
      folder: group.folder,
      ...(auth && { auth: { username: 'management', password: auth.rootPassword } }),
      ...(files && { tls: files }),
      leader: () =>
        until(
          async () => {
            const looks = await Promise.all(
              group.nodes.map(async (node) =>
                node.running ? await look(node.place, '/v1/status/leader') : '',
              ),
            );
            // Each says whom it takes for the leader; one that runs, and that most name, is it.
            return group.nodes.find(
              (node) =>
                node.running &&
                looks.filter((said) => said?.includes(`127.0.0.1:${node.place.ports[1]}"`)).length * 2 >
                  group.nodes.length,
            );
          },
          { what: 'a leader among the Consul servers', withinMs: 15_000, everyMs: 100 },
        ),
      restart: (restartOptions) => group.restart(restartOptions),
      stop: () => group.stop(),
    };
    return running;
  },
};

interface Settings {
  /** The secret of the initial management token; with it, access lists are on and deny by default. */
  readonly token: string | undefined;
  readonly certificates: Certificates | undefined;
  readonly mutual: boolean;
}

function configuration({ token, certificates, mutual }: Settings): object {
  return {
    disable_update_check: true,
    // Elections in a second or two, as three servers on one machine need no patience with a network.
    performance: { raft_multiplier: 1 },
    // Stopped servers are started again, and must not have left the group.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    autopilot: { cleanup_dead_servers: false },
    // A test process has hundreds of watches on one server, where the default is 200 connections.
    limits: { http_max_conns_per_client: 4_000 },
    ...(token !== undefined && {
      acl: { enabled: true, default_policy: 'deny', tokens: { initial_management: token, agent: token } },
    }),
    ...(certificates && {
      tls: {
        defaults: {
          ca_file: certificates.caFile,
          cert_file: certificates.server.certFile,
          key_file: certificates.server.keyFile,
        },
        https: { verify_incoming: mutual },
      },
    }),
  };
}

function clientFiles({ caFile, client }: Certificates, mutual: boolean): TlsFiles {
  return mutual ? { caFile, ...client } : { caFile };
}

function clientUrl(place: Place, scheme: string): string {
  return `${scheme}://127.0.0.1:${place.ports[0]}`;
}
