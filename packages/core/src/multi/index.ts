export { adapter } from './multi-adapter.ts';
export type { MultiOptions } from './options.ts';
