import { type ChannelOptions, experimental, type ServiceConfig, status } from '@grpc/grpc-js';
import { Balancer, type BalancerOptions } from '@rollcall/balancer';
import {
  createController,
  type Registry,
  RegistryError,
  type ServiceInstance,
  type ServiceView,
  type Snapshot,
} from '@rollcall/core';
import { grpcAddress } from './grpc-address.ts';
import type { RollcallOptions } from './options.ts';
import { RESOLUTION, type Resolution } from './resolution.ts';
import { balancerIn, serviceConfigOf } from './service-config.ts';
import type { Target } from './target.ts';

/** Where a scheme leads. */
export interface Source {
  readonly registry: Registry;
  readonly options: RollcallOptions;
  /** Those that follow the registry now. */
  readonly resolvers: Set<RollcallResolver>;
  /** Why it leads nowhere any more. */
  ended: RegistryError | undefined;
}

/**
 * Follows a service for one channel. What the registry tells goes on to the channel; when it can't be reached, nothing does, so the
 * channel keeps the last list.
 */
export class RollcallResolver implements experimental.Resolver {
  readonly #source: Source;
  readonly #listener: experimental.ResolverListener;
  readonly #view: ServiceView;
  readonly #balancer: BalancerOptions;
  /** Says who may be called at all. The channel's own balancer looks at those that are connected. */
  readonly #filter: Balancer;
  readonly #serviceConfig: ServiceConfig;
  /** From the first question until it is destroyed. A channel that was idle asks again. */
  #life: AbortController | undefined;
  #unsubscribe: (() => void) | undefined;
  #isWaiting = false;
  #hasTold = false;

  /** @throws {RegistryError} for names that the registry can't have, options that can't be, and when the registry is closed. */
  constructor(
    source: Source,
    { service, namespace }: Target,
    listener: experimental.ResolverListener,
    channelOptions: ChannelOptions,
  ) {
    const { registry, options } = source;
    this.#source = source;
    this.#listener = listener;
    this.#view = registry.service(service, namespace);
    this.#serviceConfig = serviceConfigOf(channelOptions);
    const given =
      typeof options.balancer === 'function' ? options.balancer(this.#view.key) : options.balancer;
    const { subset, ...balancer } = { ...given, ...balancerIn(this.#serviceConfig) };
    this.#balancer = balancer;
    const { statuses } = balancer;
    this.#filter = new Balancer({
      policy: 'random',
      ejection: false,
      ...(statuses && { statuses }),
      ...(subset && { subset }),
    });
    // What is wrong with the others is told at once, too.
    void new Balancer(balancer);
  }

  updateResolution(): void {
    if (this.#hasTold || this.#isWaiting) return;
    this.#life ??= createController();
    this.#isWaiting = true;
    void this.#begin(this.#life.signal);
  }

  destroy(): void {
    this.#life?.abort(new RegistryError('CLOSED', 'the channel is closed'));
    this.#life = undefined;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#source.resolvers.delete(this);
    this.#isWaiting = false;
    this.#hasTold = false;
  }

  /** Follows no more. A channel that has a list keeps it; one that waits for its first is told why it gets none. */
  end(reason: RegistryError): void {
    const isWaiting = !this.#hasTold;
    this.destroy();
    if (isWaiting) this.#fail(reason);
  }

  async #begin(signal: AbortSignal): Promise<void> {
    try {
      // Nothing may be told before `updateResolution` has returned.
      await Promise.resolve();
      if (signal.aborted) return;
      if (this.#source.ended) throw this.#source.ended;
      this.#unsubscribe ??= this.#view.subscribe((snapshot) => this.#tell(snapshot));
      this.#source.resolvers.add(this);
      await this.#view.load({ signal });
    } catch (error) {
      if (!signal.aborted && !this.#hasTold) this.#fail(error as Error);
    } finally {
      if (!signal.aborted) this.#isWaiting = false;
    }
  }

  #tell(snapshot: Snapshot): void {
    this.#hasTold = true;
    this.#filter.update(snapshot.instances);
    const instances = this.#filter.report.filter(({ weight }) => weight > 0).map(({ instance }) => instance);
    const resolution: Resolution = {
      service: this.#name,
      instances,
      balancer: this.#balancer,
      options: this.#source.options,
    };
    this.#listener(
      experimental.statusOrFromValue(instances.map((instance) => ({ addresses: [grpcAddress(instance)] }))),
      { [RESOLUTION]: resolution },
      experimental.statusOrFromValue(this.#serviceConfig),
      instances.length > 0 ? '' : this.#whyNobody(snapshot.instances),
    );
  }

  #fail(error: Error): void {
    const details = `${this.#name} is not known yet: ${error.message}`;
    this.#listener(
      experimental.statusOrFromError({ code: status.UNAVAILABLE, details }),
      {},
      experimental.statusOrFromValue(this.#serviceConfig),
      '',
    );
  }

  get #name(): string {
    const { service, namespace } = this.#view.key;
    return `${service} of namespace ${namespace}`;
  }

  #whyNobody(listed: readonly ServiceInstance[]): string {
    if (listed.length === 0) return `no instance of ${this.#name} is listed`;
    const counts = new Map<string, number>();
    for (const { status: said, weight } of listed) {
      const reason = weight > 0 ? said : `${said} with a weight of 0`;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const reasons = Array.from(counts, ([reason, count]) => `${count} ${reason}`).join(', ');
    return `no instance of ${this.#name} takes calls: ${reasons}`;
  }
}
