import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RegistryError } from '../errors.ts';

const pem = (what: string) =>
  z.string().min(1).describe(`${what}: PEM text, or the path of a PEM file, read at connect.`);

/** Checks the option `tls` of an adapter. */
export const tlsOptions = z
  .strictObject({
    ca: pem('The certificate authorities that the servers are checked against').optional(),
    cert: pem("The client's own certificate").optional(),
    key: pem("The private key of the client's certificate").optional(),
    serverName: z
      .string()
      .min(1)
      .describe('The name that the servers’ certificates are for, where it is not the host.')
      .optional(),
  })
  .refine(
    ({ cert, key }) => (cert === undefined) === (key === undefined),
    'cert and key come together: give both or none',
  )
  .describe(
    'How the servers are checked, and with `cert` and `key` how the client shows who it is. Their URLs must be https.',
  );

/** The option `tls`, checked: each is PEM text or the path of a PEM file. */
export type TlsOptions = z.output<typeof tlsOptions>;

/** What the options lead to, as PEM. */
export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly serverName?: string;
}

/**
 * Reads the PEM files. To be called at each connect, so that a renewed certificate is taken up.
 *
 * @throws {RegistryError} `INVALID_CONFIG` for one that can't be read.
 */
export async function readTls(tls: TlsOptions, signal: AbortSignal): Promise<TlsFiles> {
  const [ca, cert, key] = await Promise.all([
    readPem('ca', tls.ca, signal),
    readPem('cert', tls.cert, signal),
    readPem('key', tls.key, signal),
  ]);
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.serverName !== undefined && { serverName: tls.serverName }),
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
  } catch (cause) {
    signal.throwIfAborted();
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    const field = `tls.${name}`;
    const what = `${field}: ${code}: give PEM text, or the path of a PEM file`;
    throw new RegistryError('INVALID_CONFIG', what, { field, cause });
  }
}
