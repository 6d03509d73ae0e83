export type { ResolvedZooKeeperOptions, ZooKeeperOptions } from './options.ts';
export { adapter, zookeeperAdapter } from './zookeeper-adapter.ts';
