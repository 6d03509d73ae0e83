import { experimental, Metadata, status } from '@grpc/grpc-js';
import type { Balancer, Outcome, Pick, PickRequest } from '@rollcall/balancer';
import type { ServiceInstance } from '@rollcall/core';
import { outcomeOf } from './outcome.ts';
import type { Resolution } from './resolution.ts';

/** The metadata that has the key of a call, where `keyOf` isn't given. */
const KEY = 'x-rollcall-key';

/** Metadata that a retry has (https://github.com/grpc/proposal/blob/master/A6-client-retries.md). */
const PREVIOUS_ATTEMPTS = 'grpc-previous-rpc-attempts';

/**
 * What one call was given, by the object that gRPC hands to all its attempts: the first, its retries, and hedges. So that one that
 * failed isn't tried again where there is another.
 */
export type Attempts = WeakMap<object, { readonly instances: ServiceInstance[]; last: Attempt }>;

export interface PickerParts {
  readonly balancer: Balancer;
  readonly resolution: Resolution;
  /** All that the balancer may choose. */
  readonly ready: ReadonlyMap<ServiceInstance, experimental.SubchannelInterface>;
  readonly attempts: Attempts;
}

/** Asks the balancer, for each call, which of the connected instances gets it. */
export class RollcallPicker implements experimental.Picker {
  readonly #parts: PickerParts;
  readonly #hasRoutes: boolean;

  constructor(parts: PickerParts) {
    this.#parts = parts;
    this.#hasRoutes = (parts.resolution.balancer.routes ?? []).length > 0;
  }

  pick({ metadata, extraPickInfo }: experimental.PickArgs): experimental.PickResult {
    const { balancer, resolution, ready, attempts } = this.#parts;
    const before = attempts.get(extraPickInfo);
    before?.last.abandon();
    const earlier = metadata.get(PREVIOUS_ATTEMPTS).length > 0 ? before : undefined;
    let picked: Pick | undefined;
    try {
      picked = balancer.pick(this.#request(metadata, earlier?.instances));
    } catch (error) {
      // What is thrown in here would end the process.
      return failed(status.INTERNAL, `${resolution.service}: ${(error as Error).message}`);
    }
    const subchannel = picked && ready.get(picked.instance);
    if (!picked || !subchannel) {
      picked?.done('ignored');
      return failed(status.UNAVAILABLE, `no instance of ${resolution.service} may take this call`);
    }
    const attempt = new Attempt(picked, subchannel, resolution.options.outcomeOf ?? outcomeOf);
    if (earlier) {
      earlier.instances.push(picked.instance);
      earlier.last = attempt;
    } else attempts.set(extraPickInfo, { instances: [picked.instance], last: attempt });
    return attempt;
  }

  #request(metadata: Metadata, avoid: readonly ServiceInstance[] | undefined): PickRequest {
    const { keyOf = keyIn } = this.#parts.resolution.options;
    const key = keyOf(metadata);
    return {
      ...(key !== undefined && { key }),
      ...(this.#hasRoutes && { headers: headersOf(metadata) }),
      ...(avoid && { avoid }),
    };
  }
}

/** A call's way to one instance. */
class Attempt implements experimental.PickResult {
  readonly pickResultType = experimental.PickResultType.COMPLETE;
  readonly status = null;
  readonly subchannel: experimental.SubchannelInterface;
  readonly #outcomeOf: (code: status) => Outcome;
  /** Until it has ended: the balancer uses it again then. */
  #pick: Pick | undefined;
  #hasStarted = false;

  constructor(pick: Pick, subchannel: experimental.SubchannelInterface, outcome: (code: status) => Outcome) {
    this.#pick = pick;
    this.subchannel = subchannel;
    this.#outcomeOf = outcome;
  }

  readonly onCallStarted = (): void => {
    this.#hasStarted = true;
  };

  readonly onCallEnded = (code: status): void => this.#end(this.#outcomeOf(code));

  /** The call asks for another, and never began here: the connection was lost meanwhile. Nothing else tells that. */
  abandon(): void {
    if (!this.#hasStarted) this.#end('ignored');
  }

  #end(outcome: Outcome): void {
    this.#pick?.done(outcome);
    this.#pick = undefined;
  }
}

function keyIn(metadata: Metadata): string | undefined {
  const [key] = metadata.get(KEY);
  return typeof key === 'string' ? key : undefined;
}

function headersOf(metadata: Metadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata.getMap()))
    if (typeof value === 'string') headers[name] = value;
  return headers;
}

/** `UNAVAILABLE` lets calls that wait until somebody is ready wait; any other status ends them, too. */
function failed(code: status, details: string): experimental.PickResult {
  const { TRANSIENT_FAILURE, DROP } = experimental.PickResultType;
  return {
    pickResultType: code === status.UNAVAILABLE ? TRANSIENT_FAILURE : DROP,
    subchannel: null,
    status: { code, details, metadata: new Metadata() },
    onCallStarted: null,
    onCallEnded: null,
  };
}
