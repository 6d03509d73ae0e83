import { open } from 'node:fs/promises';
import { type Clock, RegistryError, toRegistryError } from '@rollcall/core';
import type { TokenIssuer } from '../policy/schema.ts';
import { KeySet } from './key-set.ts';

/** The largest key set that is read, in bytes. */
const MAX_BYTES = 256 * 1024;

/** A file is looked at as often as this, and an unknown key makes for a look as soon as that, in milliseconds. */
const FILE_CACHE_MS = 5_000;
const FILE_COOLDOWN_MS = 500;

/** The key set that an issuer's entry names. */
export function keySetOf(
  jwks: string,
  issuer: TokenIssuer,
  { clock, path }: { readonly clock: Clock; readonly path: (file: string) => string },
): KeySet {
  const { jwksCacheMs, jwksCooldownMs, jwksMaxStaleMs, jwksTimeoutMs } = issuer;
  const common = { where: jwks, maxStaleMs: jwksMaxStaleMs, clock };
  if (/^https?:\/\//i.test(jwks)) {
    return new KeySet({
      ...common,
      cacheMs: jwksCacheMs,
      cooldownMs: jwksCooldownMs,
      read: (signal) => fetchText(jwks, AbortSignal.any([signal, AbortSignal.timeout(jwksTimeoutMs)])),
    });
  }
  return new KeySet({
    ...common,
    cacheMs: Math.min(FILE_CACHE_MS, jwksCacheMs),
    cooldownMs: Math.min(FILE_COOLDOWN_MS, jwksCooldownMs),
    read: () => readText(path(jwks)),
  });
}

/** A redirect is not followed: it would lead to where nobody said that keys are. */
async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, { redirect: 'error', signal, headers: { accept: 'application/json' } });
  } catch (error) {
    // `fetch` has the reason in its cause.
    const { cause } = error as { cause?: unknown };
    throw toRegistryError(cause instanceof Error && !signal.aborted ? cause : error, `GET ${url}`);
  }
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new RegistryError('UNAVAILABLE', `it answered ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    if (bytes > MAX_BYTES) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** Reads a file that is to be small. */
export async function readText(path: string): Promise<string> {
  return (await readBytes(path)).toString();
}

export async function readBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw tooLarge();
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function tooLarge(): RegistryError {
  return new RegistryError('PROTOCOL', `it has more than ${MAX_BYTES} bytes`);
}
