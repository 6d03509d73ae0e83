export { adapter, memoryAdapter, type MemoryOptions } from './memory-adapter.ts';
export { MemoryStore } from './memory-store.ts';
