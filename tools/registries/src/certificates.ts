import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { onPath } from './programs.ts';
import { runCommand } from './run-command.ts';

export interface Certificates {
  readonly caFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly client: { readonly certFile: string; readonly keyFile: string };
}

const DAYS = '2';
/** A server also calls itself (etcd's HTTP gateway does), so both certificates are good for both sides. */
const EXTENSIONS =
  'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n';

/** Makes an authority, a server's certificate for the loopback address, and a client's, valid for two days. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const openssl = onPath('openssl');
  if (openssl === undefined) {
    throw new Error(
      'openssl is needed to make certificates for TLS, and it is not on PATH: install it, or start without `tls`',
    );
  }
  const run = (...args: readonly string[]): Promise<string> => runCommand(openssl, args, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await writeFile(join(folder, 'extensions.cnf'), EXTENSIONS);
  const caArgs = [
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    DAYS,
    '-subj',
    '/CN=Rollcall test authority',
  ];
  await run('req', '-x509', ...newKey, ...caArgs);
  for (const who of ['server', 'client'] as const) {
    const subject = `/CN=rollcall-${who}`;
    /* oxlint-disable no-await-in-loop -- both write the authority's serial file */
    await run('req', ...newKey, '-keyout', `${who}.key`, '-out', `${who}.csr`, '-subj', subject);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    const output = ['-out', `${who}.pem`, '-days', DAYS, '-extfile', 'extensions.cnf'];
    await run('x509', '-req', '-in', `${who}.csr`, ...authority, ...output);
    /* oxlint-enable no-await-in-loop */
  }
  const pair = (who: string): Certificates['server'] => ({
    certFile: join(folder, `${who}.pem`),
    keyFile: join(folder, `${who}.key`),
  });
  return { caFile: join(folder, 'ca.pem'), server: pair('server'), client: pair('client') };
}
