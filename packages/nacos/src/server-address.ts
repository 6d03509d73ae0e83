import { formatAddress } from '@rollcall/core/dialects';

/** How far a server's gRPC port is above its HTTP port. */
const GRPC_OFFSET = 1_000;

const DEFAULT_CONTEXT = '/nacos';

/** Where a server speaks gRPC, as `host:port`, by its HTTP address. */
export function grpcAddress(server: string): string {
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/gu, '');
  // `URL` leaves the ports 80 and 443 out.
  const httpPort = Number(port || (server.startsWith('https:') ? 443 : 80));
  return formatAddress({ host, port: httpPort + GRPC_OFFSET });
}

/** A server's HTTP address with its context path. */
export function httpBase(server: string): string {
  const { origin, pathname } = new URL(server);
  return origin + (pathname === '/' ? DEFAULT_CONTEXT : pathname.replace(/\/$/u, ''));
}
