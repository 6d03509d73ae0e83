import { readFileSync } from 'node:fs';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';

import type { TlsFiles } from './contract.ts';

const LOOK_MS = 1_000;

/** The body that a GET answers with status 200, or undefined for anything else, such as no answer in time. */
export function httpLook(url: string, tls?: TlsFiles, withinMs = LOOK_MS): Promise<string | undefined> {
  const signal = AbortSignal.timeout(withinMs);
  return new Promise((resolve) => {
    const onResponse = (response: IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.once('error', () => resolve(undefined));
      response.once('end', () => resolve(response.statusCode === 200 ? body : undefined));
    };
    const request = url.startsWith('https:')
      ? getSecure(url, { agent: false, signal, ...readTls(tls) }, onResponse)
      : getPlain(url, { agent: false, signal }, onResponse);
    request.once('error', () => resolve(undefined));
  });
}

/** The contents of the files, as Node's TLS takes them. */
export function readTls(tls: TlsFiles | undefined): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  if (tls === undefined) return {};
  return {
    ca: readFileSync(tls.caFile),
    ...(tls.certFile !== undefined && { cert: readFileSync(tls.certFile) }),
    ...(tls.keyFile !== undefined && { key: readFileSync(tls.keyFile) }),
  };
}
