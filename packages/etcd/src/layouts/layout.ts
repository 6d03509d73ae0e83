import type { InstanceKey, ServiceKey } from '@rollcall/core';
import type { InstanceLayout } from '@rollcall/core/dialects';

/** How instances are written in etcd: under which keys, and as which values. */
export interface Layout extends InstanceLayout {
  /** What the keys of all services of a namespace start with. Empty for the whole of etcd. */
  namespacePrefix(namespace: string): string;

  /** What the keys of all instances of a service start with. */
  servicePrefix(key: ServiceKey): string;

  /**
   * The key of one instance.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a name that this layout has no key for.
   */
  key(instance: InstanceKey): string;

  /**
   * The id of the instance whose key is `servicePrefix + rest`; `undefined` when the key is another service's.
   *
   * @throws {RegistryError} `PROTOCOL` when no instance is written under such a key.
   */
  idOf(rest: string): string | undefined;

  /** The service whose instance has the key `namespacePrefix + rest`; `undefined` when nobody's has. */
  serviceOf(rest: string): string | undefined;
}
