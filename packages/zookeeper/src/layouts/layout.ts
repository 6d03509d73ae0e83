import type { InstanceKey, ServiceInstance, ServiceKey } from '@rollcall/core';
import type { InstanceLayout } from '@rollcall/core/dialects';

/** How instances are written in ZooKeeper: as which nodes, with which data. */
export interface Layout extends InstanceLayout {
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

  /**
   * The data of a node, which may be another framework's, changed to say what the instance says. Left out where `encode` writes all
   * that such data holds.
   *
   * @throws {RegistryError} `UNSUPPORTED` for data with no place for it.
   */
  revise?(data: string, instance: ServiceInstance): string;

  /** The id of the instance whose node has this name; `undefined` when none is written so. */
  idOf(name: string): string | undefined;

  /** The service whose node has this name; `undefined` when none is written so. */
  serviceOf(name: string): string | undefined;
}
