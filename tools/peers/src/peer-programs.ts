import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { prepare, type Prepared, prepared } from '../../registries/src/cache.ts';
import { goBuild } from '../../registries/src/recipes/go-build.ts';
import { mavenJars } from '../../registries/src/recipes/maven-jars.ts';
import type { Recipe } from '../../registries/src/recipes/recipe.ts';

/** One program that is made with other frameworks' libraries. */
export interface PeerProgram extends Prepared {
  /** The frameworks in it, with their versions, for people and golden files. */
  readonly frameworks: Readonly<Record<string, string>>;
}

const KRATOS = '2.8.3';
/** Kratos' registries have no releases of their own. */
const KRATOS_CONTRIB = 'v2.0.0-20241105072421-f8b97f675b32';
const ETCD = '3.6.16';
const GO_ZERO = '1.9.2';
const KITEX = '0.14.1';
const KITEX_ETCD = '0.3.0';
const BOOT = '3.5.3';
const CLOUD = '2025.0.0';
const ALIBABA = '2025.0.0.0';
const CURATOR = '5.9.0';
const DUBBO = '3.3.5';

const GO = '1.26';
const JAVA_FLAGS = ['-Xmx160m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

/** Kratos with its registries for etcd, Consul, ZooKeeper and Nacos. */
const kratos = peerProgram({
  name: 'kratos',
  frameworks: { Kratos: KRATOS, 'Kratos contrib': KRATOS_CONTRIB },
  sources: { 'lines.go': source('go/lines.go'), 'main.go': source('go/kratos.go') },
  needs: [
    `github.com/go-kratos/kratos/v2@v${KRATOS}`,
    ...['etcd', 'consul', 'zookeeper', 'nacos'].map(
      (registry) => `github.com/go-kratos/kratos/contrib/registry/${registry}/v2@${KRATOS_CONTRIB}`,
    ),
  ],
  recipe: goProgram,
});

/** etcd's own naming for gRPC, and go-zero's `discov`. */
const naming = peerProgram({
  name: 'naming',
  frameworks: { etcd: ETCD, 'go-zero': GO_ZERO },
  sources: { 'lines.go': source('go/lines.go'), 'main.go': source('go/naming.go') },
  needs: [`go.etcd.io/etcd/client/v3@v${ETCD}`, `github.com/zeromicro/go-zero@v${GO_ZERO}`],
  recipe: goProgram,
});

/** Kitex' registry and resolver for etcd. */
const kitex = peerProgram({
  name: 'kitex',
  frameworks: { Kitex: KITEX, 'Kitex registry-etcd': KITEX_ETCD },
  sources: { 'lines.go': source('go/lines.go'), 'main.go': source('go/kitex.go') },
  needs: [
    `github.com/kitex-contrib/registry-etcd@v${KITEX_ETCD}`,
    `github.com/cloudwego/kitex@v${KITEX}`,
    // The one that they would take does not compile with this Go.
    'github.com/bytedance/sonic@v1.15.0',
  ],
  recipe: goProgram,
});

/** Spring Cloud on ZooKeeper, Consul, Eureka and (Alibaba's) Nacos, and Curator by itself. */
const spring = peerProgram({
  name: 'spring',
  frameworks: {
    'Spring Boot': BOOT,
    'Spring Cloud': CLOUD,
    'Spring Cloud Alibaba': ALIBABA,
    Curator: CURATOR,
  },
  sources: Object.fromEntries(
    ['Peer', 'Lines', 'Spring', 'Curator'].map((name) => [`${name}.java`, source(`spring/${name}.java`)]),
  ),
  needs: [
    'org.springframework.cloud:spring-cloud-starter-zookeeper-discovery',
    'org.springframework.cloud:spring-cloud-starter-consul-discovery',
    'org.springframework.cloud:spring-cloud-starter-netflix-eureka-client',
    'com.alibaba.cloud:spring-cloud-starter-alibaba-nacos-discovery',
    // Consul's registration names its states by it.
    'org.springframework.boot:spring-boot-actuator',
    // Eureka's client sends its requests with it.
    'org.springframework:spring-web',
    // Spring Cloud would take 5.8.
    ...['client', 'framework', 'recipes', 'x-discovery'].map(
      (part) => `org.apache.curator:curator-${part}:${CURATOR}`,
    ),
  ],
  recipe: ({ program, needs, sources }) =>
    mavenJars({
      boms: [
        `org.springframework.boot:spring-boot-dependencies:${BOOT}`,
        `org.springframework.cloud:spring-cloud-dependencies:${CLOUD}`,
        `com.alibaba.cloud:spring-cloud-alibaba-dependencies:${ALIBABA}`,
      ],
      artifacts: needs,
      program,
      main: 'rollcall.Peer',
      sources,
      javaFlags: JAVA_FLAGS,
    }),
});

/** Dubbo's applications on ZooKeeper. */
const dubbo = peerProgram({
  name: 'dubbo',
  frameworks: { Dubbo: DUBBO },
  sources: {
    'Lines.java': source('spring/Lines.java'),
    ...Object.fromEntries(
      ['Peer', 'Dubbo', 'Orders'].map((name) => [`${name}.java`, source(`dubbo/${name}.java`)]),
    ),
  },
  needs: [
    `org.apache.dubbo:dubbo:${DUBBO}`,
    // Curator and ZooKeeper's client as Dubbo wants them. There is no Spring in it.
    `org.apache.dubbo:dubbo-zookeeper-curator5-spring-boot-starter:${DUBBO}`,
  ],
  recipe: ({ program, needs, sources }) =>
    mavenJars({ artifacts: needs, program, main: 'rollcall.Peer', sources, javaFlags: JAVA_FLAGS }),
});

/** All programs, by name. */
export const peerPrograms = { kratos, naming, kitex, spring, dubbo } as const;

/** The path of a program, made first where it is missing: that takes a minute or two. */
export async function preparePeer(program: PeerProgram): Promise<string> {
  const progress = (line: string) => process.stderr.write(`${program.type}: ${line}\n`);
  const found = prepared(program) ?? (await prepare(program, { progress }));
  return found.path(program.programs[0] ?? '');
}

interface PeerSource {
  readonly name: string;
  readonly frameworks: PeerProgram['frameworks'];
  readonly sources: Readonly<Record<string, string>>;
  /** Modules or artifacts, as the recipe wants them. */
  readonly needs: readonly string[];
  readonly recipe: (made: Pick<PeerSource, 'sources' | 'needs'> & { readonly program: string }) => Recipe;
}

function peerProgram({ name, frameworks, sources, needs, recipe }: PeerSource): PeerProgram {
  const program = `rollcall-peer-${name}`;
  // Another text or another library is another program, so the cache never holds an old one.
  const made = JSON.stringify({ frameworks, sources, needs });
  return {
    type: `peer-${name}`,
    version: createHash('sha256').update(made).digest('hex').slice(0, 12),
    programs: [program],
    recipes: [recipe({ program, sources, needs })],
    frameworks,
  };
}

function goProgram({ program, sources, needs }: Parameters<PeerSource['recipe']>[0]): Recipe {
  return goBuild({ modules: needs, programs: { [program]: '.' }, goVersion: GO, sources });
}

function source(file: string): string {
  return readFileSync(new URL(`../programs/${file}`, import.meta.url), 'utf8');
}
