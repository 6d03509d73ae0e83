export { announce, type Announced, type AnnounceSpec } from './announce.ts';
export {
  ConcurrencyLimiter,
  type ConcurrencyLimiterOptions,
  type LimiterNumbers,
  type Ticket,
} from './concurrency-limiter.ts';
export { guard, type Guard, type GuardOptions } from './guard.ts';
export type { FastifyLike, GrpcServerLike, HttpServerLike, NestLike } from './server-kind.ts';
