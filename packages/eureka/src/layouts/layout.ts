import type { InstanceKey, ServiceInstance, ServiceKey } from '@rollcall/core';
import type { InstanceLayout } from '@rollcall/core/dialects';
import type { InstanceInfo } from './instance-info.ts';

/** How instances are written in Eureka: under which app and instance id, with which content. */
export interface Layout extends Pick<InstanceLayout, 'fields' | 'namespaces' | 'anyName'> {
  /**
   * The app of a service, in upper case as Eureka has it.
   *
   * @throws {RegistryError} `INVALID_ARGUMENT` for a name that this layout has no app for.
   */
  app(key: ServiceKey): string;

  /** Eureka's id of one instance. @throws {RegistryError} as `app`. */
  instanceId(key: InstanceKey): string;

  /** The service in this namespace that has this app; `undefined` when none has. */
  serviceOf(app: string, namespace: string): string | undefined;

  /** The id of the instance that Eureka knows by this one; `undefined` when none is written so. */
  idOf(app: string, instanceId: string): string | undefined;

  /** @param key of the instance, as Eureka knows it. */
  encode(instance: ServiceInstance): InstanceInfo;

  /** @throws {RegistryError} `PROTOCOL` that says why it can't be read. */
  decode(info: unknown, key: InstanceKey): ServiceInstance;
}
