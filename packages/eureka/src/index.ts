export { adapter, eurekaAdapter } from './eureka-adapter.ts';
export type { EurekaOptions, ResolvedEurekaOptions } from './options.ts';
