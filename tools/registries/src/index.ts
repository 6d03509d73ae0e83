export { type Certificates, makeCertificates } from './certificates.ts';
export { fingerprintAt, fingerprintOf } from './fingerprint.ts';
export type {
  Availability,
  EtcdctlOptions,
  Progress,
  RegistryNode,
  RegistryType,
  RestartOptions,
  RunningByType,
  RunningConsul,
  RunningEtcd,
  RunningEureka,
  RunningGateway,
  RunningNacos,
  RunningRegistry,
  RunningZooKeeper,
  StartOptions,
  TlsFiles,
} from './contract.ts';
export { availability, prepareRegistry, registryTypes, startRegistry } from './start-registry.ts';
export { startTcpProxy, type TcpProxy, type TcpProxyOptions } from './tcp-proxy.ts';
export {
  endZooKeeperSession,
  NO_SESSION,
  type OperatorOptions,
  ZooKeeperOperator,
} from './zookeeper-operator.ts';
