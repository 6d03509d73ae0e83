export { openAccess, type GatewayAccess } from './access.ts';
export type { ChangeKind, RegistryChange } from './changes.ts';
export { startGateway, type Gateway } from './gateway.ts';
export {
  DEFAULT_LIMITS,
  type GatewayCertificate,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayTls,
} from './options.ts';
export type { Problem } from './problem.ts';
export type { RateLimit } from './rate-limits.ts';
export {
  EmbeddedStore,
  storeAdapter,
  storeDefinition,
  type EmbeddedStoreOptions,
  type StoreOptions,
} from './store/index.ts';
