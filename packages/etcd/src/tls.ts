import { rootCertificates } from 'node:tls';
import { readTls } from '@rollcall/core/network';
import type { IOptions } from 'etcd3';
import type { ResolvedEtcdOptions } from './options.ts';

/** Reads the PEM files of the options, anew at each connect, so that a renewed certificate is taken up. */
export async function readCredentials(
  tls: ResolvedEtcdOptions['tls'],
  signal: AbortSignal,
): Promise<IOptions['credentials']> {
  if (!tls) return undefined;
  const { ca, cert, key } = await readTls(tls, signal);
  return {
    // etcd3 wants authorities wherever it gets a certificate: those that Node trusts anyway.
    rootCertificate: ca ?? Buffer.from(rootCertificates.join('\n')),
    ...(cert && { certChain: cert }),
    ...(key && { privateKey: key }),
  };
}
