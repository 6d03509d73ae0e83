export type { Dump, DumpedService } from './commands/dump.ts';
export { run } from './run.ts';
