export { adapter, fileAdapter } from './adapter.ts';
export { defaultDir, fileOptions, type FileAdapterOptions } from './options.ts';
