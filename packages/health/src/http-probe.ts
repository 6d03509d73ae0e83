import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { RegistryError } from '@rollcall/core';
import { formatAddress } from '@rollcall/core/dialects';
import type { Probe } from './probe.ts';

export interface HttpProbeOptions {
  /** What is asked for, with its query. Defaults to `/health`. */
  readonly path?: string;
  /** Sent along, such as a token. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that say that it is well. Defaults to 200 to 299. */
  readonly isWell?: (status: number) => boolean;
  /** For instances whose scheme is `https`: the certificates to trust, as PEM. Defaults to Node's. */
  readonly ca?: string | Buffer;
}

/**
 * Well is who answers a GET with a good status; the body isn't waited for. A connection of its own for each look, as what is
 * looked at is also whether a new one is taken.
 *
 * @throws {RegistryError} `INVALID_ARGUMENT` for a path that doesn't begin with a slash.
 */
export function httpProbe({
  path = '/health',
  headers = {},
  isWell = (status) => status >= 200 && status < 300,
  ca,
}: HttpProbeOptions = {}): Probe {
  if (!path.startsWith('/'))
    throw new RegistryError('INVALID_ARGUMENT', 'path must begin with a slash', { field: 'path' });
  return (instance, signal) =>
    new Promise((resolve, reject) => {
      const isSecure = instance.scheme === 'https';
      const url = `${isSecure ? 'https' : 'http'}://${formatAddress(instance)}${path}`;
      const outgoing = (isSecure ? secureRequest : plainRequest)(url, {
        headers,
        agent: false,
        signal,
        ...(isSecure && ca !== undefined && { ca }),
      });
      outgoing.once('error', reject);
      outgoing.once('response', (incoming) => {
        const { statusCode: status = 0 } = incoming;
        // What comes after it is of no interest.
        incoming.on('error', () => {});
        outgoing.destroy();
        if (isWell(status)) resolve();
        else reject(new Error(`it answered ${status} to GET ${path}`));
      });
      outgoing.end();
    });
}
