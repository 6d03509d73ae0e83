import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { RegistryError } from '@rollcall/core';
import type { IOptions } from 'etcd3';
import type { ResolvedEtcdOptions } from './options.ts';

/** Reads the PEM files of the options, anew at each connect, so that a renewed certificate is taken up. */
export async function readCredentials(
  tls: ResolvedEtcdOptions['tls'],
  signal: AbortSignal,
): Promise<IOptions['credentials']> {
  if (!tls) return undefined;
  const [ca, cert, key] = await Promise.all([
    readPem('ca', tls.ca, signal),
    readPem('cert', tls.cert, signal),
    readPem('key', tls.key, signal),
  ]);
  return {
    // etcd3 wants authorities wherever it gets a certificate: those that Node trusts anyway.
    rootCertificate: ca ?? Buffer.from(rootCertificates.join('\n')),
    ...(cert && { certChain: cert }),
    ...(key && { privateKey: key }),
  };
}

async function readPem(
  name: string,
  textOrPath: string | undefined,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if (textOrPath === undefined) return undefined;
  if (textOrPath.includes('-----BEGIN ')) return Buffer.from(textOrPath);
  try {
    return await readFile(textOrPath, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new RegistryError(
      'INVALID_CONFIG',
      `tls.${name}: ${code}: give PEM text, or the path of a PEM file`,
      {
        field: `tls.${name}`,
        cause: error,
      },
    );
  }
}
