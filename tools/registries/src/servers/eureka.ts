import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { RunningEureka } from '../contract.ts';
import { httpLook } from '../http-look.ts';
import { mavenJars } from '../recipes/maven-jars.ts';
import { type GroupPlan, type Place, ServerGroup } from '../server-group.ts';
import { attached } from './attached.ts';
import type { ServerKind } from './server-kind.ts';

/** Of Spring Cloud, and the Spring Boot that belongs to it. */
const VERSION = '2023.0.6';
const BOOT_VERSION = '3.3.13';
const PROGRAM = 'rollcall-eureka';

/** In a package of its own: Spring looks for components in the package of this class, and below. */
const MAIN = `package rollcall;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;

@EnableEurekaServer
@SpringBootApplication
public class RollcallEureka {
  public static void main(String[] args) {
    SpringApplication.run(RollcallEureka.class, args);
  }
}
`;

export const eureka: ServerKind<'eureka'> = {
  type: 'eureka',
  version: VERSION,
  programs: [PROGRAM],
  endpointsVariable: 'ROLLCALL_EUREKA_ENDPOINTS',
  programVariable: 'ROLLCALL_EUREKA_BIN',
  recipes: [
    mavenJars({
      boms: [
        `org.springframework.boot:spring-boot-dependencies:${BOOT_VERSION}`,
        `org.springframework.cloud:spring-cloud-dependencies:${VERSION}`,
      ],
      artifacts: ['org.springframework.cloud:spring-cloud-starter-netflix-eureka-server'],
      sources: { 'RollcallEureka.java': MAIN },
      program: PROGRAM,
      main: 'rollcall.RollcallEureka',
      javaFlags: ['-Xmx160m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    }),
  ],

  attach: (endpoints) => attached('eureka', endpoints),

  async start(programs, options) {
    if (options.auth || options.tls) throw new Error('eureka: `auth` and `tls` are not offered here');
    const plan: GroupPlan = {
      type: 'eureka',
      nodes: options.nodes ?? 1,
      portsPerNode: 1,
      port: options.port,
      detached: options.detached ?? false,
      // Three that start together on two cores, beside others, take their time.
      readyWithinMs: 120_000,
      endpoint: clientUrl,
      command(place, all) {
        const file = join(place.folder, 'eureka.properties');
        writeFileSync(file, configuration(place, all, options.flags ?? []));
        return { program: programs.path(PROGRAM), args: [`--spring.config.location=file:${file}`] };
      },
      async isReady(place) {
        // The status page names the environment, which tells that it is this server, and not one that took the port.
        const page = await httpLook(`http://127.0.0.1:${port(place)}/`, undefined, PAGE_MS);
        return (
          (page?.includes(place.name) ?? false) && (await httpLook(`${clientUrl(place)}/apps`)) !== undefined
        );
      },
    };
    const group = await ServerGroup.start(plan);
    const running: RunningEureka = {
      type: 'eureka',
      endpoints: group.nodes.map(({ endpoint }) => endpoint),
      nodes: group.nodes,
      source: programs.source,
      folder: group.folder,
      restart: (restartOptions) => group.restart(restartOptions),
      stop: () => group.stop(),
    };
    return running;
  },
};

/**
 * Changes are seen within a second and the dead leave soon, where Eureka's own times are made for thousands of
 * instances. `flags`: further properties, as `name=value`; a later one replaces an earlier one.
 */
function configuration(place: Place, all: readonly Place[], flags: readonly string[]): string {
  const peers = all.length > 1 ? all.filter((each) => each !== place) : all;
  const lines = [
    `server.port=${port(place)}`,
    'server.address=127.0.0.1',
    `server.tomcat.basedir=${place.folder}`,
    'server.tomcat.threads.max=32',
    'spring.main.banner-mode=off',
    'logging.level.root=WARN',
    `spring.application.name=${place.name}`,
    `eureka.environment=${place.name}`,
    // A server takes peers of its own host name for itself. Alone it must do so: else it passes every removal on to itself,
    // where it comes late, and takes off what was registered meanwhile.
    `eureka.instance.hostname=${all.length > 1 ? place.name : '127.0.0.1'}`,
    'eureka.client.register-with-eureka=false',
    // What the others hold is read at the start; alone there is nobody to ask.
    `eureka.client.fetch-registry=${all.length > 1}`,
    `eureka.client.service-url.defaultZone=${peers.map((peer) => `${clientUrl(peer)}/`).join(',')}`,
    ...FAST,
    ...flags.map((flag) => flag.replace(/^--/, '')),
  ];
  return `${lines.join('\n')}\n`;
}

/** It shows every instance, and a thousand clients may be there already. In milliseconds. */
const PAGE_MS = 10_000;

const FAST = [
  'eureka.server.enable-self-preservation=false',
  'eureka.server.eviction-interval-timer-in-ms=1000',
  'eureka.server.response-cache-update-interval-ms=500',
  'eureka.server.wait-time-in-ms-when-sync-empty=0',
  // What changed is told for so long; tests make more changes in three minutes than such a server is glad to write each time.
  'eureka.server.retention-time-in-m-s-in-delta-queue=20000',
  'eureka.server.delta-retention-timer-interval-in-ms=2000',
];

function port(place: Place): number {
  return place.ports[0] ?? 0;
}

function clientUrl(place: Place): string {
  return `http://127.0.0.1:${port(place)}/eureka`;
}
