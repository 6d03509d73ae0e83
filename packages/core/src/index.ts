export * from './adapter.ts';
export { AdapterConnection, type AdapterConnectionOptions } from './adapter-connection.ts';
export {
  findAdvertiseHost,
  type AdvertiseChoice,
  type AdvertiseOptions,
  type RejectedAddress,
} from './advertise.ts';
export * from './clock.ts';
export { decodeInstance, encodeInstance, instanceFromJson, instanceFromWire } from './codec.ts';
export { configuredAdapter, type ConfiguredAdapterOptions } from './config/configured-adapter.ts';
export { loadConfig, type LoadConfigOptions, type LoadedConfig } from './config/load.ts';
export { didYouMean } from './config/did-you-mean.ts';
export { checkDocument, type DocumentOptions, parseDocument } from './config/document.ts';
export { defineConfig, type RollcallConfig, type RollcallConfigInput } from './config/schema.ts';
export { adapterFrom } from './config/create-adapter.ts';
export { createRegistry, type CreateRegistryOptions } from './create-registry.ts';
export { abortError, createController } from './deadline.ts';
export type { FollowedService, ServiceView } from './directory.ts';
export * from './errors.ts';
export type { EventListener, RegistryEvent } from './events.ts';
export { fullJitter, jittered, type BackoffOptions } from './full-jitter.ts';
export * from './instance.ts';
export { ListTeller, type ListTellerOptions } from './list-teller.ts';
export { describeEvent, type LogLevel, type LogLine, type Logger } from './log.ts';
export { MemoryStore, memoryAdapter, type MemoryOptions } from './memory/index.ts';
export * from './namespace-policy.ts';
export { DEFAULT_NAMESPACE, MAX_SEGMENT_BYTES, checkName, decodeSegment, encodeSegment } from './names.ts';
export { contested, notListed, overridden, OVERRIDE_TRIES, overrideFromWire } from './override.ts';
export type { RegisterOptions as RegistrationOptions } from './registrar.ts';
export type { InstanceChange, Registration, RegistrationState, WaitOptions } from './registration.ts';
export { Registry, type RegisterSpec, type RegistryParts } from './registry.ts';
export type { FeedStatus } from './service-feed.ts';
export { SharedAttempt } from './shared-attempt.ts';
export type { ShutdownHooks, ShutdownReport, ShutdownStep, ShutdownStepReport } from './shutdown.ts';
export type { Snapshot, SnapshotSource } from './snapshot.ts';
export { fileAdapter, type FileAdapterOptions } from './file/index.ts';
