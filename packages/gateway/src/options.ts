import type { Tracer } from '@opentelemetry/api';
import type {
  AdapterDefinition,
  Clock,
  LoadConfigOptions,
  Logger,
  RegistryAdapter,
  RollcallConfigInput,
} from '@rollcall/core';
import type { GatewayAccess } from './access.ts';
import type { RateLimit } from './rate-limits.ts';

/** What the gateway bears, and no more. */
export interface GatewayLimits {
  /** The largest body of a request, in bytes. Defaults to 262 144. */
  readonly bodyBytes?: number;
  /** All headers of a request together, in bytes. Defaults to 16 384. */
  readonly headerBytes?: number;
  /** How long a client may take to send its headers, in milliseconds. Defaults to 10 000. */
  readonly headersTimeoutMs?: number;
  /** How long a client may take to send a whole request, in milliseconds. Defaults to 30 000. */
  readonly requestTimeoutMs?: number;
  /** How long a connection may stay open without a request, in milliseconds. Defaults to 65 000. */
  readonly idleTimeoutMs?: number;
  /** How many connections there may be. Defaults to 20 000. */
  readonly connections?: number;
  /** How many streams may be open in all. Defaults to 12 000. */
  readonly streams?: number;
  /** How many streams one principal may have open. Defaults to 1 000. */
  readonly streamsPerPrincipal?: number;
  /** How many services may be followed at a time: each that somebody asked for in the last minute. Defaults to 20 000. */
  readonly services?: number;
  /** How many leases there may be. Defaults to 100 000. */
  readonly leases?: number;
  /** Of how many instances that have left it is known what an operator had set. Defaults to 10 000; then the oldest is forgotten. */
  readonly overrides?: number;
  /** Of each address. Defaults to 2 000 requests in 1 second. `false`: none. */
  readonly perAddress?: RateLimit | false;
  /** Of each principal. Defaults to 1 000 requests in 1 second. `false`: none. */
  readonly perPrincipal?: RateLimit | false;
}

/** What a server shows of itself; the values are PEM. */
export interface GatewayCertificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /**
   * Who signs client certificates. A client that shows one of theirs is its subject (the common name), where it sends no
   * `Authorization`.
   */
  readonly ca?: string | Buffer;
}

export interface GatewayTls extends GatewayCertificate {
  /** Refuses connections without a client certificate that `ca` has signed. Defaults to `false`. */
  readonly requireClientCertificate?: boolean;
}

export interface GatewayOptions extends Pick<LoadConfigOptions, 'cwd' | 'file' | 'env'> {
  /** Defaults to `127.0.0.1`. */
  readonly host?: string;
  /** Defaults to 7070. 0: any that is free. */
  readonly port?: number;
  /**
   * The registry behind: `registry`, `registration`, `discovery` and `backoff` of a configuration; it wins over the
   * file and the environment. Without `registry.type`, the embedded store.
   */
  readonly config?: RollcallConfigInput;
  /** An adapter, or the definition of one, in place of what `registry.type` selects. */
  readonly adapter?: RegistryAdapter | AdapterDefinition;
  /**
   * Who may do what, such as an `AccessControl` of `@rollcall/access`. Without it everybody may do everything: the gateway then
   * listens on a loopback address only, and takes no requests that a page of another origin makes.
   */
  readonly access?: GatewayAccess;
  /** Lets everybody who can reach the address do everything: without `access`, on another address than loopback. */
  readonly insecureOpenAccess?: boolean;
  readonly tls?: GatewayTls;
  readonly limits?: GatewayLimits;
  /**
   * The proxies in front, as addresses or ranges such as `10.0.0.0/8`: whom they name in `X-Forwarded-For` is who asks, for rates
   * and spans. Nobody else's word is taken. Defaults to none.
   */
  readonly trustedProxies?: readonly string[];
  /** Names this gateway among others, in entries and logs. Defaults to a random name. */
  readonly name?: string;
  /** How many changes of a service are kept for streams that come back. Defaults to 256. */
  readonly history?: number;
  /** How long a change may take until the registry behind has it, in milliseconds. Defaults to 10 000. */
  readonly changeTimeoutMs?: number;
  /** How long requests under way may take when the gateway leaves, in milliseconds. Defaults to 10 000. */
  readonly shutdownTimeoutMs?: number;
  /** Makes the spans of requests. Defaults to the one of `@opentelemetry/api`, where that is installed. `false`: no spans. */
  readonly tracer?: Tracer | false;
  /** Where the log goes. Defaults to standard error. */
  readonly logger?: Logger;
  /** For tests. Defaults to the machine's clock. */
  readonly clock?: Clock;
}

/** Every limit, where nobody says another. */
export const DEFAULT_LIMITS = {
  bodyBytes: 262_144,
  headerBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 65_000,
  connections: 20_000,
  streams: 12_000,
  streamsPerPrincipal: 1_000,
  services: 20_000,
  leases: 100_000,
  overrides: 10_000,
  perAddress: { requests: 2_000, windowSeconds: 1 },
  perPrincipal: { requests: 1_000, windowSeconds: 1 },
} as const satisfies Required<GatewayLimits>;
