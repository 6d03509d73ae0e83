export { adapter, consulAdapter } from './consul-adapter.ts';
export type { ConsulOptions, ResolvedConsulOptions } from './options.ts';
