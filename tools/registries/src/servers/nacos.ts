import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { join } from 'node:path';

import { type Certificates, makeCertificates } from '../certificates.ts';
import type { RunningNacos, StartOptions, TlsFiles } from '../contract.ts';
import { PID_FILE } from '../guardian.ts';
import { httpLook, readTls } from '../http-look.ts';
import type { Programs } from '../programs.ts';
import { mavenJars } from '../recipes/maven-jars.ts';
import { type GroupPlan, type Place, ServerGroup } from '../server-group.ts';
import { until } from '../until.ts';
import { attached } from './attached.ts';
import type { ServerKind } from './server-kind.ts';

/** What differs between the two majors. Upstream publishes no server to Maven; the artifacts are rebuilds by others. */
interface Generation<Type extends 'nacos' | 'nacos2'> {
  readonly type: Type;
  readonly version: string;
  readonly artifacts: readonly string[];
  readonly boms?: readonly string[];
  readonly metaspaceMb: number;
  /** The Java that starts it, in the method `start(String[] args)` of the class {@link MAIN}. */
  readonly start: string;
  /** What else the class holds and carries. */
  readonly annotations?: string;
  readonly members?: string;
  /** Answers when it serves. */
  readonly readyPath: string;
  /** Takes the first administrator's password. */
  readonly adminPath: string;
  readonly loginPath: string;
}

const MAIN = 'RollcallNacos';

/** The distances from the HTTP port to the others: gRPC for clients, gRPC between servers, Raft. */
const PORT_OFFSETS = [1_000, 1_001, -1_000];

const ADMIN = 'nacos';

export const nacos = serverKind({
  type: 'nacos',
  version: '3.1.0',
  artifacts: [
    'io.github.pig-mesh.nacos:nacos-server:3.1.0-bugfix',
    'io.github.pig-mesh.nacos:nacos-console:3.1.0-bugfix',
  ],
  metaspaceMb: 192,
  start: `
    com.alibaba.nacos.sys.env.EnvUtil.setDeploymentType(com.alibaba.nacos.sys.env.DeploymentType.MERGED);
    com.alibaba.nacos.core.listener.startup.NacosStartUpManager.start("core");
    var core = new SpringApplicationBuilder(com.alibaba.nacos.NacosServerBasicApplication.class)
        .web(org.springframework.boot.WebApplicationType.NONE).run(args);
    com.alibaba.nacos.core.listener.startup.NacosStartUpManager.start("web");
    new SpringApplicationBuilder(com.alibaba.nacos.NacosServerWebApplication.class).parent(core).run(args);`,
  readyPath: '/nacos/v3/admin/core/state/readiness',
  adminPath: '/nacos/v3/auth/user/admin',
  loginPath: '/nacos/v3/auth/user/login',
});

export const nacos2 = serverKind({
  type: 'nacos2',
  version: '2.5.0',
  artifacts: [
    'io.xuxiaowei.nacos:nacos-naming:2.5.0',
    'io.xuxiaowei.nacos:nacos-config:2.5.0',
    'io.xuxiaowei.nacos:nacos-default-plugin-all:2.5.0',
  ],
  // By themselves they bring parts of Spring that don't fit each other: then each error answers as 500.
  boms: ['org.springframework.boot:spring-boot-dependencies:2.7.18'],
  metaspaceMb: 160,
  annotations: `
@org.springframework.boot.autoconfigure.SpringBootApplication(scanBasePackages = "com.alibaba.nacos")
@org.springframework.boot.web.servlet.ServletComponentScan("com.alibaba.nacos")
@org.springframework.scheduling.annotation.EnableScheduling`,
  // The controllers that the filters of requests know; Nacos' own console, which isn't here, tells them else.
  members: `
  @org.springframework.beans.factory.annotation.Autowired
  com.alibaba.nacos.core.code.ControllerMethodsCache methods;

  @javax.annotation.PostConstruct
  void knowControllers() {
    methods.initClassMethod("com.alibaba.nacos.core.controller");
    methods.initClassMethod("com.alibaba.nacos.naming.controllers");
    methods.initClassMethod("com.alibaba.nacos.config.server.controller");
  }`,
  start: `
    new SpringApplicationBuilder(${MAIN}.class).run(args);`,
  readyPath: '/nacos/v1/ns/operator/metrics',
  adminPath: '/nacos/v1/auth/users/admin',
  loginPath: '/nacos/v1/auth/login',
});

function serverKind<Type extends 'nacos' | 'nacos2'>(generation: Generation<Type>): ServerKind<Type> {
  const { type, version } = generation;
  const program = `rollcall-${type}`;
  return {
    type,
    version,
    programs: [program],
    endpointsVariable: `ROLLCALL_${type.toUpperCase()}_ENDPOINTS`,
    programVariable: `ROLLCALL_${type.toUpperCase()}_BIN`,
    recipes: [
      mavenJars({
        artifacts: generation.artifacts,
        ...(generation.boms && { boms: generation.boms }),
        program,
        main: MAIN,
        sources: { [`${MAIN}.java`]: javaMain(generation) },
        // Two jars hold classes of Hessian under the same names. The other way round it doesn't start.
        first: ['hessian-4.'],
        javaFlags: [
          '-Xms128m',
          '-Xmx256m',
          `-XX:MaxMetaspaceSize=${generation.metaspaceMb}m`,
          '-XX:+UseSerialGC',
          '-XX:TieredStopAtLevel=1',
          '--add-opens=java.base/java.lang=ALL-UNNAMED',
          '--add-opens=java.base/java.util=ALL-UNNAMED',
        ],
      }),
    ],

    attach: (endpoints) => attached(type, endpoints),

    start: (programs, options) => start(generation, programs.path(program), programs, options),
  };
}

async function start(
  generation: Generation<'nacos' | 'nacos2'>,
  program: string,
  { source }: Programs,
  options: StartOptions,
): Promise<RunningNacos> {
  const { type } = generation;
  const { auth, tls = false } = options;
  if (options.nodes === 3) throw new Error(`${type}: three nodes are not offered here`);
  let certificates: Certificates | undefined;
  const tlsFiles = (): TlsFiles | undefined =>
    certificates && { caFile: certificates.caFile, ...(tls === 'mutual' && certificates.client) };
  const endpoint = (place: Place): string =>
    `${tls === false ? 'http' : 'https'}://127.0.0.1:${portOf(place)}`;

  const plan: GroupPlan = {
    type,
    nodes: 1,
    portsPerNode: 1,
    portOffsets: PORT_OFFSETS,
    port: options.port,
    detached: options.detached ?? false,
    readyWithinMs: 180_000,
    endpoint,
    async setUp(folder) {
      if (tls !== false) certificates = await makeCertificates(folder);
    },
    command(place) {
      rmSync(readyFile(place), { force: true });
      const conf = join(place.dataFolder, 'conf');
      mkdirSync(conf, { recursive: true });
      writeFileSync(join(conf, 'cluster.conf'), '');
      const settings = { place, certificates, mutual: tls === 'mutual', options };
      writeFileSync(join(conf, 'application.properties'), properties(settings));
      return {
        program,
        args: [place.dataFolder, `--spring.config.additional-location=file:${conf}/`],
        // RocksDB unpacks its library there, 14 MB; else in the machine's folder for temporary files, and a killed server leaves it.
        env: { ROCKSDB_SHAREDLIB_DIR: place.folder },
      };
    },
    async isReady(place) {
      // Written by our own process when all its ports are bound: another server may have answered on this one.
      if (textOf(readyFile(place)) !== textOf(join(place.folder, PID_FILE))) return false;
      const answer = await httpLook(`${endpoint(place)}${generation.readyPath}`, tlsFiles());
      return answer !== undefined && /"UP"|"ok"/.test(answer);
    },
    async onEmpty([place]) {
      if (!auth || !place) return;
      const send = (path: string) =>
        post(`${endpoint(place)}${path}`, { username: ADMIN, password: auth.rootPassword }, tlsFiles());
      if ((await send(generation.adminPath)) !== 200)
        throw new Error(`${type} refused the password of ${ADMIN}`);
      // It reads its table of users every 15 seconds.
      await until(async () => ((await send(generation.loginPath)) === 200 ? true : undefined), {
        what: `${type}: ${ADMIN} to be let in`,
        withinMs: 60_000,
        everyMs: 500,
      });
    },
  };

  const group = await ServerGroup.start(plan);
  const files = tlsFiles();
  return {
    type,
    endpoints: group.nodes.map((node) => node.endpoint),
    nodes: group.nodes,
    source,
    folder: group.folder,
    ...(auth && { auth: { username: ADMIN, password: auth.rootPassword } }),
    ...(files && { tls: files }),
    restart: (restartOptions) => group.restart(restartOptions),
    stop: () => group.stop(),
  };
}

interface Settings {
  readonly place: Place;
  readonly certificates: Certificates | undefined;
  readonly mutual: boolean;
  readonly options: StartOptions;
}

function properties({ place, certificates, mutual, options }: Settings): string {
  const home = place.dataFolder;
  const isGuarded = options.auth !== undefined;
  const lines = [
    // Nacos 3 has a name of its own for what Spring calls `server.port`.
    `server.port=${portOf(place)}`,
    `nacos.server.main.port=${portOf(place)}`,
    'server.address=127.0.0.1',
    'nacos.inetutils.ip-address=127.0.0.1',
    `server.tomcat.basedir=${join(home, 'tomcat')}`,
    'server.tomcat.accesslog.enabled=false',
    // 3 s by default: too little for the first connection, which makes its database, on a busy machine.
    'db.pool.config.connectionTimeout=60000',
    'nacos.core.auth.system.type=nacos',
    `nacos.core.auth.enabled=${isGuarded}`,
    `nacos.core.auth.admin.enabled=${isGuarded}`,
    // These must be there, also without authentication.
    'nacos.core.auth.server.identity.key=rollcall',
    'nacos.core.auth.server.identity.value=rollcall',
    `nacos.core.auth.plugin.nacos.token.secret.key=${Buffer.alloc(48, place.name).toString('base64')}`,
    ...(certificates ? tlsProperties(certificates, mutual) : []),
    ...(options.flags ?? []),
  ];
  return `${lines.join('\n')}\n`;
}

function tlsProperties({ caFile, server }: Certificates, mutual: boolean): string[] {
  return [
    `server.ssl.certificate=file:${server.certFile}`,
    `server.ssl.certificate-private-key=file:${server.keyFile}`,
    'nacos.remote.server.rpc.tls.enableTls=true',
    'nacos.remote.server.rpc.tls.compatibility=false',
    `nacos.remote.server.rpc.tls.certChainFile=file:${server.certFile}`,
    `nacos.remote.server.rpc.tls.certPrivateKey=file:${server.keyFile}`,
    `nacos.remote.server.rpc.tls.trustCollectionCertFile=file:${caFile}`,
    ...(mutual
      ? [
          'server.ssl.client-auth=need',
          `server.ssl.trust-certificate=file:${caFile}`,
          'nacos.remote.server.rpc.tls.mutualAuthEnable=true',
        ]
      : []),
  ];
}

/** Its first argument is the home folder, the others are Spring's. */
function javaMain({ annotations = '', members = '', start: body }: Generation<'nacos' | 'nacos2'>): string {
  return `import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.springframework.boot.builder.SpringApplicationBuilder;
${annotations}
public class ${MAIN} {
  public static void main(String[] all) throws Exception {
    System.setProperty("nacos.home", all[0]);
    System.setProperty("user.home", all[0]);
    System.setProperty("nacos.standalone", "true");
    System.setProperty("nacos.remote.grpc.listen.ip", "127.0.0.1");
    start(Arrays.copyOfRange(all, 1, all.length));
    Files.writeString(Path.of(all[0], "ready"), String.valueOf(ProcessHandle.current().pid()));
  }

  static void start(String[] args) {${body}
  }
${members}
}
`;
}

/** Sends a form. Resolves with the status of the answer. */
function post(
  url: string,
  form: Record<string, string>,
  tls: TlsFiles | undefined,
): Promise<number | undefined> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const options = { method: 'POST', headers, agent: false, signal: AbortSignal.timeout(10_000) } as const;
  return new Promise((resolve, reject) => {
    const request = tls ? requestSecure(url, { ...options, ...readTls(tls) }) : requestPlain(url, options);
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('error', reject);
    request.end(new URLSearchParams(form).toString());
  });
}

function readyFile(place: Place): string {
  return join(place.dataFolder, 'ready');
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function portOf(place: Place): number {
  return place.ports[0] ?? 0;
}
