import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { RunningZooKeeper } from '../contract.ts';
import { mavenJars } from '../recipes/maven-jars.ts';
import { type GroupPlan, type Place, ServerGroup } from '../server-group.ts';
import { tcpLook } from '../tcp-look.ts';
import { attached, attachedLeader } from './attached.ts';
import type { ServerKind } from './server-kind.ts';

const VERSION = '3.9.5';
const PROGRAM = 'rollcall-zookeeper';

export const zookeeper: ServerKind<'zookeeper'> = {
  type: 'zookeeper',
  version: VERSION,
  programs: [PROGRAM],
  endpointsVariable: 'ROLLCALL_ZOOKEEPER_ENDPOINTS',
  programVariable: 'ROLLCALL_ZOOKEEPER_BIN',
  recipes: [
    mavenJars({
      artifacts: [
        `org.apache.zookeeper:zookeeper:${VERSION}`,
        'io.dropwizard.metrics:metrics-core:4.1.12.1',
        'org.xerial.snappy:snappy-java:1.1.10.5',
        // Without it there is no log, and nobody learns why a server didn't start.
        'org.slf4j:slf4j-simple:2.0.13',
      ],
      program: PROGRAM,
      main: 'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      javaFlags: [
        '-Xmx128m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      ],
    }),
  ],

  attach(endpoints) {
    const addresses = endpoints.map((endpoint) => endpoint.replace(/^\w+:\/\//, ''));
    return { ...attached('zookeeper', addresses), leader: attachedLeader };
  },

  async start(programs, options) {
    if (options.auth || options.tls) throw new Error('zookeeper: `auth` and `tls` are not offered here');
    const plan: GroupPlan = {
      type: 'zookeeper',
      nodes: options.nodes ?? 1,
      portsPerNode: 3,
      port: options.port,
      detached: options.detached ?? false,
      readyWithinMs: 60_000,
      endpoint: clientAddress,
      command(place, all) {
        // A restart with no data took the id with it, so both are written at each start.
        const file = join(place.folder, 'zoo.cfg');
        writeFileSync(file, configuration(place, all, options.flags ?? []));
        writeFileSync(join(place.dataFolder, 'myid'), String(all.indexOf(place) + 1));
        return { program: programs.path(PROGRAM), args: [file] };
      },
      async isReady(place) {
        // The folder in the answer tells that it is this server, and not one that took the port.
        const serves = (await tcpLook(clientPort(place), 'srvr'))?.includes('Mode:') ?? false;
        return serves && ((await tcpLook(clientPort(place), 'conf'))?.includes(place.dataFolder) ?? false);
      },
    };
    const group = await ServerGroup.start(plan);
    const running: RunningZooKeeper = {
      type: 'zookeeper',
      endpoints: group.nodes.map(({ endpoint }) => endpoint),
      nodes: group.nodes,
      source: programs.source,
      folder: group.folder,
      leader: async () => {
        const modes = await Promise.all(group.nodes.map(({ place }) => tcpLook(clientPort(place), 'srvr')));
        const leader = group.nodes[modes.findIndex((mode) => /^Mode: (leader|standalone)/m.test(mode ?? ''))];
        if (!leader) throw new Error('no ZooKeeper server leads now');
        return leader;
      },
      restart: (restartOptions) => group.restart(restartOptions),
      stop: () => group.stop(),
    };
    return running;
  },
};

/** `flags`: further lines of the file, such as `tickTime=500`; a later line replaces an earlier one. */
function configuration(place: Place, all: readonly Place[], flags: readonly string[]): string {
  const lines = [
    'tickTime=2000',
    'initLimit=10',
    'syncLimit=5',
    'maxClientCnxns=0',
    'admin.enableServer=false',
    '4lw.commands.whitelist=*',
    `dataDir=${place.dataFolder}`,
    `clientPort=${clientPort(place)}`,
    'clientPortAddress=127.0.0.1',
    ...(all.length > 1
      ? all.map((each, i) => `server.${i + 1}=127.0.0.1:${each.ports[1]}:${each.ports[2]}`)
      : []),
    ...flags,
  ];
  return `${lines.join('\n')}\n`;
}

function clientPort(place: Place): number {
  return place.ports[0] ?? 0;
}

function clientAddress(place: Place): string {
  return `127.0.0.1:${clientPort(place)}`;
}
