import { type Certificates, makeCertificates } from '../certificates.ts';
import type { EtcdctlOptions, RunningEtcd, RunningRegistry, TlsFiles } from '../contract.ts';
import { httpLook } from '../http-look.ts';
import type { Programs } from '../programs.ts';
import { debianPackage } from '../recipes/debian-package.ts';
import { dockerImage } from '../recipes/docker-image.ts';
import { goBuild } from '../recipes/go-build.ts';
import { runCommand } from '../run-command.ts';
import { type GroupPlan, type Place, ServerGroup } from '../server-group.ts';
import { until } from '../until.ts';
import { attached, attachedLeader } from './attached.ts';
import type { ServerKind } from './server-kind.ts';

const VERSION = '3.6.16';

export const etcd: ServerKind<'etcd'> = {
  type: 'etcd',
  version: VERSION,
  programs: ['etcd', 'etcdctl'],
  endpointsVariable: 'ROLLCALL_ETCD_ENDPOINTS',
  programVariable: 'ROLLCALL_ETCD_BIN',
  recipes: [
    dockerImage({
      image: `quay.io/coreos/etcd:v${VERSION}`,
      files: ['/usr/local/bin/etcd', '/usr/local/bin/etcdctl'],
    }),
    goBuild({
      modules: [`go.etcd.io/etcd/server/v3@v${VERSION}`, `go.etcd.io/etcd/etcdctl/v3@v${VERSION}`],
      programs: { etcd: 'go.etcd.io/etcd/server/v3', etcdctl: 'go.etcd.io/etcd/etcdctl/v3' },
      goVersion: '1.26',
    }),
    // An older etcd (3.4 in Debian 12), good enough to work with where there is neither Docker nor a new Go.
    debianPackage({ packages: ['etcd-server', 'etcd-client'], files: ['usr/bin/etcd', 'usr/bin/etcdctl'] }),
  ],

  attach(endpoints, programs) {
    const access: Access = { endpoints, programs };
    return {
      ...attached('etcd', endpoints),
      etcdctl: (args, options) => etcdctl(access, args, options),
      leader: attachedLeader,
    };
  },

  async start(programs, options) {
    const { nodes = 1, auth, tls = false } = options;
    // etcdctl reads a new password from its input up to the first white space.
    if (auth && !/^\S+$/.test(auth.rootPassword)) {
      throw new Error('etcd: `auth.rootPassword` must be there and hold no white space');
    }
    const scheme = tls === false ? 'http' : 'https';
    let certificates: Certificates | undefined;
    const tlsFiles = (): TlsFiles | undefined => certificates && clientFiles(certificates, tls === 'mutual');
    const accessTo = (places: readonly Place[], user: Access['user']): Access => ({
      endpoints: places.map((place) => clientUrl(place, scheme)),
      programs,
      tls: tlsFiles(),
      user,
    });
    const root = auth && { username: 'root', password: auth.rootPassword };

    const plan: GroupPlan = {
      type: 'etcd',
      nodes,
      portsPerNode: 2,
      port: options.port,
      detached: options.detached ?? false,
      readyWithinMs: 30_000,
      endpoint: (place) => clientUrl(place, scheme),
      async setUp(folder) {
        if (tls !== false) certificates = await makeCertificates(folder);
      },
      command: (place, all, joining) => ({
        program: programs.path('etcd'),
        args: [
          `--name=${place.name}`,
          `--data-dir=${place.dataFolder}`,
          `--listen-client-urls=${clientUrl(place, scheme)}`,
          `--advertise-client-urls=${clientUrl(place, scheme)}`,
          `--listen-peer-urls=${peerUrl(place)}`,
          `--initial-advertise-peer-urls=${peerUrl(place)}`,
          `--initial-cluster=${all.map((each) => `${each.name}=${peerUrl(each)}`).join(',')}`,
          `--initial-cluster-state=${joining ? 'existing' : 'new'}`,
          // Three servers on one machine need no patience with a network: elections take half a second.
          ...(all.length > 1 ? ['--heartbeat-interval=50', '--election-timeout=500'] : []),
          // Else a member can be replaced only when all were connected for five seconds.
          ...(all.length > 1 ? ['--strict-reconfig-check=false'] : []),
          ...(auth ? ['--bcrypt-cost=4'] : []),
          ...serverTlsFlags(certificates, tls === 'mutual'),
          ...(options.flags ?? []),
        ],
      }),
      async isReady(place) {
        // The peer port is served only when every port could be bound, and it names the members: so this is our own
        // server, and not one that took the port.
        const members = await httpLook(`${peerUrl(place)}/members`);
        if (members === undefined || !members.includes(`"${place.name}"`)) return false;
        const health = await httpLook(`${clientUrl(place, scheme)}/health`, tlsFiles());
        return health !== undefined && /"health":\s*"true"/.test(health);
      },
      async onEmpty(all) {
        if (root === undefined) return;
        const access = accessTo(all, undefined);
        await etcdctl(access, ['user', 'add', 'root', '--interactive=false'], {
          input: `${root.password}\n`,
        });
        await etcdctl(access, ['role', 'add', 'root']);
        await etcdctl(access, ['user', 'grant-role', 'root', 'root']);
        await etcdctl(access, ['auth', 'enable']);
      },
      replaceMember: (place, others) => replaceMember(accessTo(others, root), place),
    };

    const group = await ServerGroup.start(plan);
    const access = accessTo(
      group.nodes.map((node) => node.place),
      root,
    );
    const files = tlsFiles();
    const running: RunningEtcd = {
      type: 'etcd',
      endpoints: access.endpoints,
      nodes: group.nodes,
      source: programs.source,
      folder: group.folder,
      ...(root && { auth: root }),
      ...(files && { tls: files }),
      etcdctl: (args, ctlOptions) => etcdctl(access, args, ctlOptions),
      leader: () => leader(access, group.nodes),
      restart: (restartOptions) => group.restart(restartOptions),
      stop: () => group.stop(),
    };
    return running;
  },
};

/** What operator commands need to reach a registry. */
interface Access {
  readonly endpoints: readonly string[];
  readonly programs: Programs | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly user?: RunningRegistry['auth'] | undefined;
}

async function etcdctl(
  access: Access,
  args: readonly string[],
  options: EtcdctlOptions = {},
): Promise<string> {
  if (access.programs === undefined) {
    throw new Error('etcdctl is needed for this, and none was found: prepare etcd, or put etcdctl on PATH');
  }
  const user = options.user === undefined ? access.user : options.user;
  return runCommand(access.programs.path('etcdctl'), args, {
    // By environment, because everybody on the machine can read a command line.
    env: {
      ...withoutEtcdctl(process.env),
      ETCDCTL_ENDPOINTS: (options.endpoints ?? access.endpoints).join(','),
      ...(access.tls && { ETCDCTL_CACERT: access.tls.caFile }),
      ...(access.tls?.certFile !== undefined && { ETCDCTL_CERT: access.tls.certFile }),
      ...(access.tls?.keyFile !== undefined && { ETCDCTL_KEY: access.tls.keyFile }),
      ...(user && { ETCDCTL_USER: user.username, ETCDCTL_PASSWORD: user.password }),
    },
    title: `etcdctl ${args[0] ?? ''}`,
    ...(options.input !== undefined && { input: options.input }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  });
}

/** The person's own etcdctl settings point elsewhere. */
function withoutEtcdctl(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('ETCDCTL_')));
}

async function leader(access: Access, nodes: ServerGroup['nodes']): Promise<ServerGroup['nodes'][number]> {
  return until(
    async () => {
      const looks = await Promise.all(
        nodes
          .filter((node) => node.running)
          .map(async (node) => ({ node, term: await leadingTerm(access, node.endpoint) })),
      );
      // A leader that was cut off may still believe that it leads, in an older term.
      return looks.filter((look) => look.term > 0).toSorted((a, b) => b.term - a.term)[0]?.node;
    },
    { what: 'a leader among the etcd servers', withinMs: 10_000, everyMs: 100 },
  );
}

/** The raft term in which this server says that it leads, else 0. */
async function leadingTerm(access: Access, endpoint: string): Promise<number> {
  try {
    const args = ['endpoint', 'status', '--write-out', 'fields', '--command-timeout', '2s'];
    // The layout `fields` writes ids of 64 bits as text that can be compared; in JSON they lose digits.
    const fields = await etcdctl(access, args, { endpoints: [endpoint], timeoutMs: 4_000 });
    const field = (name: string): string | undefined =>
      new RegExp(`^"${name}" : (\\d+)$`, 'm').exec(fields)?.[1];
    const isLeader = field('Leader') !== undefined && field('Leader') === field('MemberID');
    return isLeader ? Number(field('RaftTerm')) : 0;
  } catch {
    return 0; // it does not answer, so it does not lead
  }
}

/** `others`: access to the members that stay. */
async function replaceMember(others: Access, place: Place): Promise<void> {
  const list = await etcdctl(others, ['member', 'list', '--write-out', 'simple']);
  const id = list
    .split('\n')
    .find((line) => line.includes(` ${place.name},`))
    ?.split(',')[0];
  if (id !== undefined) {
    await untilAccepted(() => etcdctl(others, ['member', 'remove', id]), /member not found/i);
  }
  const add = ['member', 'add', place.name, `--peer-urls=${peerUrl(place)}`];
  await untilAccepted(() => etcdctl(others, add), /peer ?urls already exist/i);
}

/**
 * A change of members is refused, or times out though it took effect, while the others elect a leader: the one that
 * was killed may have led.
 */
function untilAccepted(change: () => Promise<string>, alreadyDone: RegExp): Promise<string> {
  return until(
    async () => {
      try {
        return await change();
      } catch (error) {
        const message = error instanceof Error ? error.message : '';
        if (alreadyDone.test(message)) return '';
        if (/unhealthy cluster|leader|re-configuration|deadline exceeded/.test(message)) return undefined;
        throw error;
      }
    },
    { what: 'etcd to accept a change of members', withinMs: 30_000, everyMs: 200 },
  );
}

function serverTlsFlags(certificates: Certificates | undefined, mutual: boolean): string[] {
  if (certificates === undefined) return [];
  const { certFile, keyFile } = certificates.server;
  return [
    `--cert-file=${certFile}`,
    `--key-file=${keyFile}`,
    ...(mutual ? ['--client-cert-auth', `--trusted-ca-file=${certificates.caFile}`] : []),
  ];
}

function clientFiles({ caFile, client }: Certificates, mutual: boolean): TlsFiles {
  return mutual ? { caFile, ...client } : { caFile };
}

function clientUrl(place: Place, scheme: string): string {
  return `${scheme}://127.0.0.1:${place.ports[0]}`;
}

function peerUrl(place: Place): string {
  return `http://127.0.0.1:${place.ports[1]}`;
}
