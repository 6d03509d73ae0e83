/**
 * The code of a `RegistryError`. Told by its name: an adapter of the user's project may have a core of its own, when
 * `rollcall` itself is installed elsewhere.
 */
export function registryErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'RegistryError' || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
