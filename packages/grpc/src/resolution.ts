import { experimental } from '@grpc/grpc-js';
import type { BalancerOptions } from '@rollcall/balancer';
import type { ServiceInstance } from '@rollcall/core';
import type { RollcallOptions } from './options.ts';

/** What the resolver tells the policy, beside the addresses that any policy gets. */
export interface Resolution {
  /** As a message names it: `user-service of namespace default`. */
  readonly service: string;
  /** Those that may get calls. */
  readonly instances: readonly ServiceInstance[];
  readonly balancer: BalancerOptions;
  readonly options: RollcallOptions;
}

/** The attribute that holds it. With this prefix it isn't taken for an option of a connection. */
export const RESOLUTION = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.rollcall`;
