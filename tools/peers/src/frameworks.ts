import { type Peer, startPeer } from './peer.ts';
import { peerPrograms } from './peer-programs.ts';

/** An instance as Kratos has it, given and seen. */
export interface KratosInstance {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly endpoints: readonly string[] | null;
}

/** An instance as etcd's gRPC naming has it: `service` is the target. */
export interface NamedEndpoint {
  readonly service: string;
  readonly addr: string;
  readonly metadata: unknown;
}

/** An instance as go-zero publishes it. */
export interface PublishedAddress {
  readonly service: string;
  readonly id: number;
  readonly addr: string;
}

/** An instance as a Kitex server registers it, and as a client's resolver shows it. */
export interface KitexInstance {
  readonly service: string;
  readonly address: string;
  /** Kitex' own default is 10. */
  readonly weight: number;
  readonly tags: Readonly<Record<string, string>> | null;
}

/** An instance as Curator's service discovery takes it, with Spring Cloud's payload or none. */
export interface CuratorInstance {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port?: number;
  readonly sslPort?: number;
  readonly enabled?: boolean;
  readonly uriSpec?: string;
  readonly payload?: {
    readonly id: string;
    readonly name: string;
    readonly metadata: Readonly<Record<string, string>>;
  };
}

/** What Curator's readers see of one. */
export interface CuratorView {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number | null;
  readonly sslPort: number | null;
  readonly enabled: boolean;
  readonly type: string;
  readonly url: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** A Spring Boot application that registers itself, by its properties alone. */
export interface SpringApplication {
  /** Names it for {@link Peer.update} and {@link Peer.deregister}. */
  readonly key: string;
  readonly properties?: Readonly<Record<string, string>>;
}

/** What Spring's `DiscoveryClient` shows of an instance. */
export interface SpringView {
  readonly service: string;
  readonly id: string | null;
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly url: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A Dubbo application with one service, that registers its instance. */
export interface DubboApplication {
  /** Names it for {@link Peer.update} and {@link Peer.deregister}. */
  readonly key: string;
  readonly application: string;
  /** What it says of itself. It listens elsewhere. */
  readonly host: string;
  /** By protocol, `dubbo` or `tri`. */
  readonly ports: Readonly<Record<string, number>>;
}

/** An instance of an application as Dubbo's readers see it. */
export interface DubboView {
  readonly application: string;
  readonly host: string;
  readonly port: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Kratos on one of its own registries. */
export function startKratos(
  registry: 'etcd' | 'consul' | 'zookeeper' | 'nacos',
  endpoint: string,
): Promise<Peer<KratosInstance, KratosInstance>> {
  return startPeer(peerPrograms.kratos, ['--registry', registry, '--endpoint', hostAndPort(endpoint)]);
}

/** etcd's own `naming/endpoints`. */
export function startGrpcNaming(endpoint: string): Promise<Peer<NamedEndpoint, NamedEndpoint>> {
  return startPeer(peerPrograms.naming, ['--registry', 'grpc-naming', '--endpoint', hostAndPort(endpoint)]);
}

/** go-zero's `discov`. Its readers see addresses alone. */
export function startGoZero(endpoint: string): Promise<Peer<PublishedAddress, string>> {
  return startPeer(peerPrograms.naming, ['--registry', 'go-zero', '--endpoint', hostAndPort(endpoint)]);
}

/** Kitex' etcd registry. Its resolver has no watch, and a registry no update. */
export function startKitex(endpoint: string): Promise<Peer<KitexInstance, KitexInstance>> {
  return startPeer(peerPrograms.kitex, ['--endpoint', hostAndPort(endpoint)]);
}

/** Curator's service discovery. Its `update` takes a {@link CuratorInstance}. */
export function startCurator(endpoint: string): Promise<Peer<CuratorInstance, CuratorView>> {
  return startPeer(peerPrograms.spring, ['curator', hostAndPort(endpoint)]);
}

/**
 * Spring Cloud. Its `update` takes `{ key, status }`, as Spring's `ServiceRegistry.setStatus`.
 *
 * @param properties for each application, such as shorter waits.
 */
export function startSpring(
  registry: 'zookeeper' | 'consul' | 'eureka' | 'nacos',
  endpoint: string,
  properties: Readonly<Record<string, string>> = {},
): Promise<Peer<SpringApplication, SpringView>> {
  const more = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  return startPeer(peerPrograms.spring, [registry, hostAndPort(endpoint), ...more]);
}

/** Dubbo on ZooKeeper. Its `update` takes `{ key, group }`: the service in one more group, so that the metadata change. */
export function startDubbo(endpoint: string): Promise<Peer<DubboApplication, DubboView>> {
  return startPeer(peerPrograms.dubbo, [hostAndPort(endpoint)]);
}

/** Of a URL, or of what is host and port already. */
function hostAndPort(endpoint: string): string {
  return endpoint.replace(/^\w+:\/\//u, '').replace(/\/.*$/u, '');
}
