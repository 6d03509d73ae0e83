import type { CarriedField } from '../adapter.ts';
import type { InstanceKey, ServiceInstance } from '../instance.ts';

/** How instances are written in a registry, as far as it doesn't matter which: an adapter adds where they stand. */
export interface InstanceLayout {
  /** The fields that come back as they were written. */
  readonly fields: readonly CarriedField[];
  /** Whether namespaces have a place in it. Without it only `default` is taken. */
  readonly namespaces: boolean;
  /** Whether every service name and id has a place of its own. */
  readonly anyName: boolean;

  encode(instance: ServiceInstance): string;

  /** @throws {RegistryError} `PROTOCOL` that says why the text can't be read. */
  decode(text: string, key: InstanceKey): ServiceInstance;
}
