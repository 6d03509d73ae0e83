import type { CarriedField, InstanceKey, ServiceInstance, ServiceKey } from '@rollcall/core';

/** How instances are written in ZooKeeper: as which nodes, with which data. */
export interface Layout {
  /** The fields that come back as they were written. */
  readonly fields: readonly CarriedField[];
  /** Whether namespaces have a place in the path. Without it only `default` is taken. */
  readonly namespaces: boolean;
  /** Whether every service name and id has a node of its own. */
  readonly anyName: boolean;

  /** The node above all services of a namespace. */
  namespacePath(namespace: string): string;

  /**
   * The node above all instances of a service.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a name that this layout has no node for.
   */
  servicePath(key: ServiceKey): string;

  /** The node of one instance. @throws {RegistryError} as `servicePath`. */
  path(instance: InstanceKey): string;

  /** The id of the instance whose node has this name; `undefined` when none is written so. */
  idOf(name: string): string | undefined;

  /** The service whose node has this name; `undefined` when none is written so. */
  serviceOf(name: string): string | undefined;

  encode(instance: ServiceInstance): string;

  /** @throws {RegistryError} `PROTOCOL` that says why the data can't be read. */
  decode(data: string, key: InstanceKey): ServiceInstance;
}
