import type { AdapterCapabilities, Lease, RegistryError } from '@rollcall/core';
import type { Call } from './connection.ts';
import type { WireInstance } from './wire-instance.ts';

/** A service of one namespace, by the names that Nacos has for them. */
export interface WireService {
  readonly namespaceId: string;
  readonly name: string;
}

export interface RegisterCall extends Call {
  readonly ttlMs: number;
}

/** One way to speak with Nacos. What it is asked is written already, and what it gives is to be read. */
export interface Transport {
  readonly capabilities: Pick<
    AdapterCapabilities,
    'liveness' | 'crashSlackMs' | 'propagationMs' | 'ttlRangeMs'
  >;

  /** Proves that Nacos answers. */
  open(namespaceId: string, call: Call): Promise<void>;
  /** What is under way fails with `why`. */
  close(why: RegistryError): void;

  register(service: WireService, id: string, entry: WireInstance, call: RegisterCall): Promise<Lease>;
  deregister(service: WireService, id: string, call: Call): Promise<void>;
  /** The entries of a service, as they stand in the answer. */
  list(service: WireService, call: Call): Promise<readonly unknown[]>;
  /** The same, and again after each change. It ends by throwing. */
  follow?(service: WireService, call: Call): AsyncGenerator<readonly unknown[]>;
  /** A page of the names of the services of a namespace, without group, also of those that are empty; from page 1. */
  names(namespaceId: string, page: number, call: Call): Promise<readonly string[]>;
}
