export { adapter, gatewayAdapter } from './gateway-adapter.ts';
export type { GatewayOptions, ResolvedGatewayOptions } from './options.ts';
