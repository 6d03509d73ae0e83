export { EmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts';
export { storeAdapter, StoreAdapter, storeDefinition, type StoreOptions } from './store-adapter.ts';
