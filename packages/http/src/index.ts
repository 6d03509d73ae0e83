export { CallError, type CallErrorCode } from './call-error.ts';
export { createFetch, type ServiceFetch } from './create-fetch.ts';
export type {
  AttemptObserver,
  AttemptStart,
  CallObserver,
  HttpObserver,
  ObservedEnd,
  ObservedRequest,
} from './observer.ts';
export type {
  AttemptEvent,
  BreakerOptions,
  CallRequest,
  ConnectionOptions,
  HedgeOptions,
  HttpOptions,
  LimitOptions,
  RetryOptions,
  TlsOptions,
} from './options.ts';
export type { RetryBudgetOptions } from './retry-budget.ts';
export { ServiceDispatcher } from './service-dispatcher.ts';
export type { ThrottleOptions } from './throttle.ts';
