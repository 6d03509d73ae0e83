import type { CarriedField, ServiceInstance, ServiceKey } from '@rollcall/core';
import type { WireInstance } from '../wire-instance.ts';

/** How instances are written in Nacos: under which service name, and as what. */
export interface Layout {
  /** The fields that come back as they were written. */
  readonly fields: readonly CarriedField[];
  /** Whether every service name has a place of its own. */
  readonly anyName: boolean;

  /** The service's name in Nacos. @throws {RegistryError} `INVALID_ARGUMENT` for one that this layout has no place for. */
  serviceName(service: string): string;

  /** The inverse; `undefined` for a name that this layout doesn't write. */
  serviceOf(name: string): string | undefined;

  /** The instance as it stands in Nacos, but for its cluster. */
  encode(instance: ServiceInstance): Omit<WireInstance, 'clusterName'>;

  /** @throws {RegistryError} `PROTOCOL` that says why it can't be read. */
  decode(entry: WireInstance, key: ServiceKey): ServiceInstance;
}
