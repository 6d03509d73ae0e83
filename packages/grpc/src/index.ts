export type { RollcallOptions } from './options.ts';
export { registerRollcall } from './register.ts';
