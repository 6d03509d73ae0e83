export type {
  Availability,
  EtcdctlOptions,
  Progress,
  RegistryNode,
  RegistryType,
  RestartOptions,
  RunningByType,
  RunningEtcd,
  RunningRegistry,
  RunningZooKeeper,
  StartOptions,
  TlsFiles,
} from './contract.ts';
export { availability, prepareRegistry, registryTypes, startRegistry } from './start-registry.ts';
export { startTcpProxy, type TcpProxy, type TcpProxyOptions } from './tcp-proxy.ts';
