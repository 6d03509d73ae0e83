import type { RegistryAdapter, ServiceInstance } from '@rollcall/core';
import type { RegistryType } from '@rollcall-tools/registries';
import type { ServerPort } from './counting-proxy.ts';

/** The TTL of everything that is listed where nothing else is said, in milliseconds: Rollcall's default. */
export const TTL_MS = 15_000;

/** A registry that is measured: its server, Rollcall on it, and what one would write by hand on its library. */
export interface BenchedRegistry {
  readonly type: RegistryType;
  /** Flags for the server, as `startRegistry()` takes them. */
  readonly flags?: readonly string[];
  /** How many are listed at once where ten thousand are needed. Defaults to 32. */
  readonly listedAtOnce?: number;
  /** Those that clients use. */
  readonly ports: readonly ServerPort[];
  /** Makes Rollcall's adapter, with the defaults of its options. */
  readonly adapter: (endpoint: string) => RegistryAdapter;
  /** Makes a client of the bare library. */
  readonly bare: (endpoint: string) => Promise<MeasuredClient>;
  /** Lists instances that need no sign of life for a day, where that takes Rollcall several requests for each. */
  readonly fill?: (endpoint: string, instances: readonly ServiceInstance[]) => Promise<void>;
  /** Where the registry sends whole lists. */
  readonly whole?: WholeLists;
}

/** What is measured, of Rollcall and of the bare library: the same work, over the entries that Rollcall writes. */
export interface MeasuredClient {
  /** Lists an instance with a TTL of {@link TTL_MS}, and keeps it listed. */
  register(instance: ServiceInstance): Promise<void>;
  /** Reads a list once, decoded as far as JSON goes. */
  list(service: string): Promise<readonly unknown[]>;
  /**
   * Keeps the lists of services. Resolves when each has been told once; from then on each is told anew after it changed. A
   * failure rejects, or is thrown and ends the process.
   */
  follow(
    services: readonly string[],
    told: (service: string, list: readonly unknown[]) => void,
  ): Promise<void>;
  /** The metadata of an entry of a list. */
  metadataOf(entry: unknown): Readonly<Record<string, string>> | undefined;
  close(): Promise<void>;
}

/** What a registry sends whole when one instance changes. */
export interface WholeLists {
  /** Between two changes, so that each is told on its own, in milliseconds. */
  readonly apartMs: number;
  /** How long to wait before, so that what came before is told no more, in milliseconds. Defaults to 0. */
  readonly settleMs?: number;
  /** The adapter, where it isn't that of its defaults. */
  readonly adapter?: (endpoint: string) => RegistryAdapter;
  /** Whether an instance must come or go for it: other changes are sent alone. Defaults to false. */
  readonly comesAndGoes?: boolean;
  /** Gets what is sent, and gives the function that does no more than decode it. */
  readonly decoder: (endpoint: string, service: string) => Promise<() => void | Promise<void>>;
}
