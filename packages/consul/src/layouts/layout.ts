import type { CarriedField, ServiceInstance, ServiceKey } from '@rollcall/core';

/** An entry of Consul, as far as a layout reads it. All of it is unchecked: anybody may have written it. */
export interface ConsulService {
  readonly ID: string;
  readonly Service: string;
  /** Empty where the node's is meant. */
  readonly Address?: unknown;
  readonly Port?: unknown;
  readonly Tags?: unknown;
  readonly Meta?: unknown;
  readonly TaggedAddresses?: unknown;
  readonly Weights?: unknown;
}

/** What an entry shows to readers other than Rollcall. */
export interface Shown {
  readonly Tags: readonly string[];
  /** Pairs that Consul doesn't take are left out of it. */
  readonly Meta: Readonly<Record<string, string>>;
  readonly TaggedAddresses?: Readonly<Record<string, { readonly Address: string; readonly Port: number }>>;
}

/**
 * How instances stand in Consul for others. Rollcall's own readers don't need it: in every layout the whole instance
 * stands in the notes of its check, because Consul takes metadata of 64 short pairs only, and no weight of 2.5.
 */
export interface Layout {
  /** The fields that come back as they were written. */
  readonly fields: readonly CarriedField[];
  /** Whether namespaces have a place in it. Without it only `default` is taken. */
  readonly namespaces: boolean;
  /** Whether every service name and id has a place of its own. */
  readonly anyName: boolean;

  /** @throws {RegistryError} `INVALID_ARGUMENT` for a name that this layout has no place for. */
  serviceName(key: ServiceKey): string;

  /** The service of that name; `undefined` for one that isn't in the namespace. */
  serviceOf(name: string, namespace: string): string | undefined;

  show(instance: ServiceInstance): Shown;

  /**
   * Reads an entry that Rollcall didn't write.
   *
   * @param host what stands in the entry, or is its node's.
   * @throws {RegistryError} `PROTOCOL` that says why it can't be read.
   */
  read(entry: ConsulService, key: ServiceKey, host: string): ServiceInstance;
}
