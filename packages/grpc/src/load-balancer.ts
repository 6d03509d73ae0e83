import { type ChannelOptions, connectivityState, experimental } from '@grpc/grpc-js';
import { Balancer } from '@rollcall/balancer';
import { identityOf, sameAddress, type ServiceInstance } from '@rollcall/core';
import { formatAddress } from '@rollcall/core/dialects';
import { Connection } from './connection.ts';
import { grpcAddress } from './grpc-address.ts';
import { type Attempts, RollcallPicker } from './picker.ts';
import { RESOLUTION, type Resolution } from './resolution.ts';
import { POLICY } from './service-config.ts';

/**
 * Keeps a connection to each instance, and has a balancer choose among those that are ready. The channel is
 *
 * | state | while |
 * |---|---|
 * | `READY` | one is ready |
 * | `CONNECTING` | none is, but one was not yet found to be out of reach |
 * | `TRANSIENT_FAILURE` | all are out of reach, or there are none |
 */
export class RollcallLoadBalancer implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper;
  readonly #attempts: Attempts = new WeakMap();
  #connections = new Map<string, Connection>();
  #balancer: Balancer | undefined;
  #resolution: Resolution | undefined;
  #whyNobody = '';

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper;
  }

  updateAddressList(
    list: experimental.StatusOr<experimental.Endpoint[]>,
    _config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
    note: string,
  ): boolean {
    if (!list.ok) {
      if (this.#connections.size === 0) this.#unavailable(list.error.details);
      return true;
    }
    const resolution = options[RESOLUTION] as Resolution | undefined;
    if (!resolution) {
      this.#unavailable(`the policy ${POLICY} needs a target of Rollcall: write rollcall:///service`);
      return true;
    }
    this.#resolution = resolution;
    this.#balancer ??= new Balancer(resolution.balancer);
    this.#whyNobody = note;
    this.#connect(resolution.instances, options);
    this.#publish();
    return true;
  }

  exitIdle(): void {
    // It is never idle: what is listed is connected.
  }

  resetBackoff(): void {
    for (const connection of this.#connections.values()) connection.retryNow();
  }

  destroy(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  getTypeName(): string {
    return POLICY;
  }

  #connect(instances: readonly ServiceInstance[], options: ChannelOptions): void {
    const left = this.#connections;
    this.#connections = new Map();
    for (const instance of instances) {
      const identity = identityOf(instance);
      const known = left.get(identity);
      if (known && isSamePlace(known.instance, instance)) {
        known.instance = instance;
        left.delete(identity);
        this.#connections.set(identity, known);
      } else
        this.#connections.set(
          identity,
          new Connection(instance, options, this.#helper, () => this.#publish()),
        );
    }
    // Last, so that a connection that two instances share isn't closed in between.
    for (const connection of left.values()) connection.close();
  }

  /** Tells the channel where it stands, and who may be picked. */
  #publish(): void {
    const [balancer, resolution] = [this.#balancer, this.#resolution];
    if (!balancer || !resolution) return;
    const connections = [...this.#connections.values()];
    const ready = new Map<ServiceInstance, experimental.SubchannelInterface>();
    for (const { isReady, instance, subchannel } of connections) if (isReady) ready.set(instance, subchannel);
    // Those that aren't connected stay in the list, with no share in the calls: what is known of them isn't lost, and one that
    // comes back isn't new.
    balancer.update(
      connections.map(({ isReady, instance }) => (isReady ? instance : { ...instance, weight: 0 })),
    );
    if (ready.size > 0) {
      const picker = new RollcallPicker({ balancer, resolution, ready, attempts: this.#attempts });
      this.#helper.updateState(connectivityState.READY, picker, null);
    } else if (connections.some(({ hasFailed }) => !hasFailed)) {
      this.#helper.updateState(connectivityState.CONNECTING, new experimental.QueuePicker(this), null);
    } else if (connections.length > 0) {
      const { service } = resolution;
      const lastError = connections.find((connection) => connection.lastError)?.lastError;
      this.#unavailable(
        `none of the ${connections.length} instances of ${service} can be reached: ${lastError}`,
      );
    } else this.#unavailable(this.#whyNobody);
  }

  #unavailable(details: string): void {
    const picker = new experimental.UnavailablePicker({ details });
    this.#helper.updateState(connectivityState.TRANSIENT_FAILURE, picker, details);
  }
}

/** Its options are the resolver's affair, which has them checked. */
export class RollcallPolicyConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(_json: unknown): RollcallPolicyConfig {
    return new RollcallPolicyConfig();
  }

  getLoadBalancerName(): string {
    return POLICY;
  }

  toJsonObject(): object {
    return { [POLICY]: {} };
  }
}

function isSamePlace(a: ServiceInstance, b: ServiceInstance): boolean {
  return sameAddress(a, b) && formatAddress(grpcAddress(a)) === formatAddress(grpcAddress(b));
}
