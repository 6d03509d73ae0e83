import { type ChannelOptions, experimental } from '@grpc/grpc-js';
import { type Registry, RegistryError } from '@rollcall/core';
import { RollcallLoadBalancer, RollcallPolicyConfig } from './load-balancer.ts';
import type { RollcallOptions } from './options.ts';
import { RollcallResolver, type Source } from './resolver.ts';
import { POLICY } from './service-config.ts';
import { authorityOf, parseTarget } from './target.ts';

/** Where each scheme leads now. gRPC knows a scheme for good once it was told; this is what ends. */
const sources = new Map<string, Source>();

/** Schemes of gRPC itself (https://github.com/grpc/grpc/blob/master/doc/naming.md). */
const TAKEN: ReadonlySet<string> = new Set([
  'dns',
  'unix',
  'unix-abstract',
  'vsock',
  'ipv4',
  'ipv6',
  'xds',
  'http',
  'https',
]);

/**
 * Makes `rollcall:///user-service` a target of every client of `@grpc/grpc-js` in this process: its channel follows the list
 * of the registry and has a `Balancer` choose an instance for each call. `rollcall://staging/user-service` is that of
 * another namespace.
 *
 * ```ts
 * const unregister = registerRollcall(registry);
 * const client = new UserClient('rollcall:///user-service', credentials.createInsecure());
 * ```
 *
 * @returns the function that ends it: channels that are open keep the list that they have and follow it no more, and new ones are
 * refused. Close your clients first.
 * @throws {RegistryError} `INVALID_ARGUMENT` when the scheme is in use, or can't be one.
 */
export function registerRollcall(registry: Registry, options: RollcallOptions = {}): () => void {
  const { scheme = 'rollcall' } = options;
  checkScheme(scheme);
  const source: Source = { registry, options, resolvers: new Set(), ended: undefined };
  sources.set(scheme, source);
  experimental.registerLoadBalancerType(POLICY, RollcallLoadBalancer, RollcallPolicyConfig);
  experimental.registerResolver(scheme, resolverFor(scheme));
  return () => {
    if (sources.get(scheme) !== source) return;
    sources.delete(scheme);
    source.ended = notRegistered(scheme);
    for (const resolver of source.resolvers) resolver.end(source.ended);
  };
}

function resolverFor(scheme: string): Parameters<typeof experimental.registerResolver>[1] {
  return class extends RollcallResolver {
    /** Called for each new channel first: what is wrong with its target is told there. */
    static getDefaultAuthority(target: experimental.GrpcUri): string {
      return authorityOf(parseTarget(target));
    }

    constructor(
      target: experimental.GrpcUri,
      listener: experimental.ResolverListener,
      channelOptions: ChannelOptions,
    ) {
      const source = sources.get(scheme);
      if (!source) throw notRegistered(scheme);
      super(source, parseTarget(target), listener, channelOptions);
    }
  };
}

function notRegistered(scheme: string): RegistryError {
  return new RegistryError('CLOSED', `the scheme ${scheme} is no longer registered: call registerRollcall`);
}

function checkScheme(scheme: unknown): void {
  const refuse = (problem: string) =>
    new RegistryError('INVALID_ARGUMENT', `scheme ${problem}`, { field: 'scheme' });
  if (typeof scheme !== 'string' || !/^[a-z][a-z\d+.-]*$/u.test(scheme))
    throw refuse('must be lower-case letters, digits, +, - and .');
  if (TAKEN.has(scheme)) throw refuse(`${scheme} is one of gRPC: give another`);
  if (sources.has(scheme)) throw refuse(`${scheme} is registered: give another, or end that first`);
}
