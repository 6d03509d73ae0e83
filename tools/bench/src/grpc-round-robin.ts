import { createRequire } from 'node:module';
import { connectivityState } from '@grpc/grpc-js';
import { do_not_optimize } from 'mitata';

interface Picker {
  pick(args: object): unknown;
}

interface GrpcRoundRobin {
  updateAddressList(endpoints: object, config: object, options: object, note: string): boolean;
}

interface Internals {
  readonly RoundRobinLoadBalancer: new (helper: object) => GrpcRoundRobin;
}

/**
 * One pick of grpc-js’ own round robin, over so many subchannels that are ready. It is not exported, and picks only from
 * what a channel has made; here the subchannels do nothing.
 */
export function grpcRoundRobin(count: number): () => void {
  const require = createRequire(import.meta.url);
  const { RoundRobinLoadBalancer } =
    require('@grpc/grpc-js/build/src/load-balancer-round-robin.js') as Internals;
  const { parseLoadBalancingConfig } = require('@grpc/grpc-js/build/src/load-balancer.js') as {
    readonly parseLoadBalancingConfig: (config: object) => object;
  };
  let latest: Picker | undefined;
  const balancer = new RoundRobinLoadBalancer({
    createSubchannel: readySubchannel,
    updateState: (_state: number, picker: Picker) => (latest = picker),
    requestReresolution() {},
    addChannelzChild() {},
    removeChannelzChild() {},
  });
  const value = Array.from({ length: count }, (_, i) => ({ addresses: [{ host: '10.0.0.7', port: 1 + i }] }));
  balancer.updateAddressList({ ok: true, value }, parseLoadBalancingConfig({ round_robin: {} }), {}, '');
  const picker = latest;
  if (!picker) throw new Error('the round robin of grpc-js gave no picker');
  const args = { metadata: {}, extraPickInfo: {} };
  return () => do_not_optimize(picker.pick(args));
}

function readySubchannel(): object {
  const nothing = () => {};
  const subchannel = {
    getConnectivityState: () => connectivityState.READY,
    addConnectivityStateListener: nothing,
    removeConnectivityStateListener: nothing,
    addHealthStateWatcher: nothing,
    removeHealthStateWatcher: nothing,
    isHealthy: () => true,
    startConnecting: nothing,
    getAddress: () => '10.0.0.7',
    getChannelzRef: () => ({}),
    throttleKeepalive: nothing,
    ref: nothing,
    unref: nothing,
    getRealSubchannel: () => subchannel,
    realSubchannelEquals: () => true,
  };
  return subchannel;
}
