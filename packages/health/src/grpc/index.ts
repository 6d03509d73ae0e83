export { grpcProbe, type GrpcProbeOptions } from './grpc-probe.ts';
export type { ServingStatus } from './health-service.ts';
export { HealthWatches, type HealthWatchesOptions } from './health-watches.ts';
export { HeartbeatServer } from './heartbeat-server.ts';
export { Heartbeats, type HeartbeatsOptions } from './heartbeats.ts';
