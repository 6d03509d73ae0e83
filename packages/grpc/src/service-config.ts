import { type ChannelOptions, experimental, type MethodConfig, type ServiceConfig } from '@grpc/grpc-js';
import type { BalancerOptions } from '@rollcall/balancer';
import { RegistryError } from '@rollcall/core';

/** The name of the policy in a service config. */
export const POLICY = 'rollcall';

const KEYS: ReadonlySet<string> = new Set([
  'policy',
  'statuses',
  'subset',
  'routes',
  'zone',
  'slowStart',
  'ejection',
  'panicThreshold',
] satisfies (keyof BalancerOptions)[]);

/** As it stands in JSON: durations are text there. */
interface WrittenConfig extends Omit<ServiceConfig, 'methodConfig' | 'loadBalancingConfig'> {
  readonly loadBalancingConfig?: ServiceConfig['loadBalancingConfig'];
  readonly methodConfig?: readonly (Omit<MethodConfig, 'timeout'> & {
    readonly timeout?: MethodConfig['timeout'] | string;
  })[];
}

/**
 * The channel's own service config, with our policy where it says none. A resolver that gives none would leave the channel with
 * `pick_first`, and what a resolver gives replaces the channel's own, so this hands it on. gRPC has checked it before, but keeps to
 * itself what it made of it.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` for an option of our policy that isn't one: gRPC would take another policy silently.
 */
export function serviceConfigOf(options: ChannelOptions): ServiceConfig {
  const written = options['grpc.service_config'];
  const config = (written ? JSON.parse(written) : {}) as WrittenConfig;
  const { loadBalancingConfig = [], methodConfig = [] } = config;
  for (const key of Object.keys(balancerIn({ loadBalancingConfig })))
    if (!KEYS.has(key)) {
      const field = `loadBalancingConfig.${POLICY}.${key}`;
      const known = [...KEYS].join(', ');
      throw new RegistryError('INVALID_ARGUMENT', `${field} is not an option: there are ${known}`, { field });
    }
  return {
    ...config,
    loadBalancingConfig: loadBalancingConfig.length > 0 ? loadBalancingConfig : [{ [POLICY]: {} }],
    methodConfig: methodConfig.map(({ timeout, ...method }) => {
      const duration = typeof timeout === 'string' ? experimental.parseDuration(timeout) : timeout;
      return duration ? { ...method, timeout: duration } : method;
    }),
  };
}

/** What the service config says to our policy. */
export function balancerIn({
  loadBalancingConfig,
}: Pick<ServiceConfig, 'loadBalancingConfig'>): BalancerOptions {
  return loadBalancingConfig.find((entry) => Object.hasOwn(entry, POLICY))?.[POLICY] ?? {};
}
