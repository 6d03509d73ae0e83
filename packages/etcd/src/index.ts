export { adapter, etcdAdapter } from './etcd-adapter.ts';
export type { EtcdOptions, ResolvedEtcdOptions } from './options.ts';
