import type { Metadata, status } from '@grpc/grpc-js';
import type { BalancerOptions, Outcome } from '@rollcall/balancer';
import type { ServiceKey } from '@rollcall/core';

export interface RollcallOptions {
  /**
   * Which instance gets a call, and when one is ejected: the options of a `Balancer`, for all services or by service. A
   * `loadBalancingConfig` of a channel's own service config goes before them, key by key. Defaults to the balancer's defaults.
   */
  readonly balancer?: BalancerOptions | ((service: ServiceKey) => BalancerOptions);
  /**
   * For `consistent-hash` and `sticky`: calls with the same key go to the same instance. Defaults to the call's metadata
   * `x-rollcall-key`.
   */
  readonly keyOf?: (metadata: Metadata) => string | undefined;
  /**
   * What the status of a call says of the instance that answered. Defaults to: `UNKNOWN`, `DEADLINE_EXCEEDED`, `INTERNAL`,
   * `UNAVAILABLE` and `DATA_LOSS` are failures, `CANCELLED` and `RESOURCE_EXHAUSTED` are ignored, all others are successes.
   */
  readonly outcomeOf?: (code: status) => Outcome;
  /** The scheme of the targets. One for each registry, where there are several. Defaults to `rollcall`. */
  readonly scheme?: string;
}
