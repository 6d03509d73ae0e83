export type { NacosOptions, ResolvedNacosOptions } from './options.ts';
export { adapter, nacosAdapter } from './nacos-adapter.ts';
