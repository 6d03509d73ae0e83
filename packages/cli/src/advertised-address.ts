import { findAdvertiseHost, type AdvertiseChoice, type RollcallConfig } from '@rollcall/core';

/** Registries that never leave the machine. */
const LOCAL_TYPES: ReadonlySet<string> = new Set(['memory', 'file']);

/**
 * The host that an instance of this machine is listed with: `--host`, else that of the configuration's `service` block,
 * else the one that is found.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` when none fits.
 */
export function advertisedAddress(
  { service, registry }: RollcallConfig,
  adapterType: string = registry.type,
  host: string | undefined = service?.host,
): AdvertiseChoice {
  return findAdvertiseHost({
    allowLoopback: LOCAL_TYPES.has(adapterType),
    ...(host !== undefined && { host }),
    ...(service?.interface !== undefined && { interface: service.interface }),
  });
}

/** Whether a host can be reached from its own machine only. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
